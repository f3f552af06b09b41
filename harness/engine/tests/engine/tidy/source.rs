//! A source file as the scan sees it: its text, and its code with comments and literals blanked.

use std::fs;
use std::path::{Path, PathBuf};

/// One file of the workspace.
pub struct Source {
    /// From the root of the workspace, with slashes.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Its text with comments, strings and chars blanked; as many lines of the same length.
    code: String,
}

/// Every `.rs` file of the workspace, in order.
pub fn all() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    let root = root.expect("the workspace around the package");
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in ["harness", "bench"] {
        collect(&root.join(folder), &mut files);
    }
    files.sort();
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).expect("a readable file");
        let path = file.strip_prefix(root).expect("below the root");
        Source::new(path.to_string_lossy().replace('\\', "/"), text)
    };
    files.into_iter().map(read).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

impl Source {
    pub fn new(path: String, text: String) -> Source {
        let code = mask(&text);
        Source { path, text, code }
    }

    /// Whether it is part of a package of the harness, not of its tests.
    pub fn is_product(&self) -> bool {
        let path = self.path.strip_prefix("harness/").and_then(|path| path.split_once('/'));
        path.is_some_and(|(package, inside)| package != "fuzz" && inside.starts_with("src/"))
    }

    /// Its layer in the harness: `trial` for `trial.rs` of the engine and all below `trial/`, and
    /// the name of any other package; empty elsewhere.
    pub fn layer(&self) -> &str {
        let path = self.path.strip_prefix("harness/").and_then(|path| path.split_once('/'));
        let Some((package, inside)) = path else {
            return "";
        };
        let Some(inside) = inside.strip_prefix("src/") else {
            return "";
        };
        if package != "engine" {
            return package;
        }
        let first = inside.split('/').next().unwrap_or_default();
        match first.trim_end_matches(".rs") {
            "lib" | "main" => "",
            layer => layer,
        }
    }

    /// Where this path or word stands in code.
    pub fn words(&self, word: &str) -> Vec<String> {
        let found = self.places(word).into_iter();
        found.map(|at| format!("{}:{}: {word}", self.path, self.line(at))).collect()
    }

    /// Where the whole text, comments included, holds this.
    pub fn text_lines<'s>(&'s self, part: &'s str) -> impl Iterator<Item = String> + 's {
        let lines = (1..).zip(self.text.lines());
        lines
            .filter(move |(_, line)| line.contains(part))
            .map(move |(number, _)| format!("{}:{number}: {part}", self.path))
    }

    /// Where code uses the crate of this name: as the root of a path, unless the file declares a
    /// module so named.
    pub fn crate_uses<'s>(&'s self, name: &'s str) -> impl Iterator<Item = String> + 's {
        let own = self.places(&format!("mod {name}"));
        let declared = own.iter().any(|at| self.code[*at..].starts_with(&format!("mod {name};")));
        let places = if declared { vec![] } else { self.places(name) };
        let is_root = |at: &usize| {
            let before = self.code[..*at].trim_end();
            let inner = before.strip_suffix("::").is_some_and(|path| {
                path.ends_with(|last: char| last.is_alphanumeric() || last == '_' || last == '>')
            });
            let after = self.code[*at + name.len()..].trim_start();
            let renamed = before.ends_with("use") && after.starts_with("as ");
            !inner && (after.starts_with("::") || renamed)
        };
        let used = places.into_iter().filter(is_root).collect::<Vec<usize>>();
        used.into_iter().map(move |at| format!("{}:{}: {name}", self.path, self.line(at)))
    }

    /// What it imports from its own crate: line and first name of the path. A chain of `super` that
    /// leaves the layer counts as itself.
    pub fn crate_imports(&self) -> Vec<(usize, String)> {
        let mut imports = Vec::new();
        for at in self.places("crate") {
            if let Some(rest) = self.code[at..].strip_prefix("crate::") {
                let names = first_names(rest);
                imports.extend(names.into_iter().map(|name| (self.line(at), name)));
            }
        }
        let inside = self.path.strip_prefix("harness/engine/src/").unwrap_or_default();
        let depth = inside.matches('/').count() + 1;
        for at in self.places("super") {
            let goes_on = self.code[..at].ends_with("super::");
            let rest = &self.code[at..];
            let supers = (1..).take_while(|n| rest.starts_with(&"super::".repeat(*n))).count();
            // A module of tests inside the file is one level deeper.
            let in_tests = self.code[..at].contains("#[cfg(test)]");
            if !goes_on && supers >= depth + usize::from(in_tests) {
                let chain = ["super"].repeat(supers).join("::");
                imports.push((self.line(at), chain));
            }
        }
        imports
    }

    /// Types that it declares at its top level, before its tests: line and name.
    pub fn types(&self) -> Vec<(usize, String)> {
        let code = self.code.lines().take_while(|line| *line != "#[cfg(test)]");
        let name = |line: &str| {
            let mut words = line.split(|c: char| !is_word(c)).filter(|word| !word.is_empty());
            let mut word = words.next()?;
            while ["pub", "crate", "super", "in", "self"].contains(&word) {
                word = words.next()?;
            }
            let is_type = ["struct", "enum", "trait", "type", "union"].contains(&word);
            words.next().filter(|_| is_type).map(str::to_owned)
        };
        let top = (1..).zip(code).filter(|(_, line)| line.starts_with(|c: char| c.is_alphabetic()));
        top.filter_map(|(number, line)| Some((number, name(line)?))).collect()
    }

    /// Functions with a body: line, name, length in lines.
    pub fn functions(&self) -> Vec<(usize, String, usize)> {
        let mut functions = Vec::new();
        for at in self.places("fn") {
            let rest = self.code[at + 2..].trim_start();
            let name: String = rest.chars().take_while(|c| is_word(*c)).collect();
            if name.is_empty() {
                continue;
            }
            if let Some(end) = self.body_end(at) {
                let length = self.line(end) - self.line(at) + 1;
                functions.push((self.line(at), name, length));
            }
        }
        functions
    }

    /// The closing brace of the item at `from`; `None` if it has no body.
    fn body_end(&self, from: usize) -> Option<usize> {
        let (mut nested, mut braces) = (0i32, 0i32);
        for (offset, c) in self.code[from..].char_indices() {
            match c {
                '(' | '[' => nested += 1,
                ')' | ']' => nested -= 1,
                ';' if nested == 0 && braces == 0 => return None,
                '{' => braces += 1,
                '}' => {
                    braces -= 1;
                    if braces <= 0 {
                        return (braces == 0).then_some(from + offset);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// Where a whole word, or a path of them, begins in code.
    fn places(&self, word: &str) -> Vec<usize> {
        let code = &self.code;
        let whole = |at: usize| {
            let before = code[..at].chars().next_back();
            let after = code[at + word.len()..].chars().next();
            !before.is_some_and(is_word) && !after.is_some_and(is_word)
        };
        let found = code.match_indices(word).map(|(at, _)| at);
        found.filter(|at| whole(*at)).collect()
    }

    fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }
}

/// The first names of a path, or of every path of a group `{a::b, c}`.
fn first_names(rest: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        let text = text.trim_start();
        text.chars().take_while(|c| is_word(*c)).collect()
    };
    let Some(group) = rest.strip_prefix('{') else {
        return vec![word(rest)];
    };
    let mut names = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(word(&group[start..at]));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The text with comments, strings and chars blanked; line breaks stay.
pub fn mask(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let previous = code.chars().next_back();
        let length = literal(rest, previous).unwrap_or(0);
        if length == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
        code.extend(rest[..length].chars().map(blank));
        rest = &rest[length..];
    }
    code
}

/// Length of the comment, string or char that begins here.
fn literal(rest: &str, previous: Option<char>) -> Option<usize> {
    let to_end = |found: Option<usize>| Some(found.unwrap_or(rest.len()));
    if rest.starts_with("//") {
        return to_end(rest.find('\n'));
    }
    if rest.starts_with("/*") {
        return Some(block_comment(rest));
    }
    if rest.starts_with('"') {
        return Some(quoted(rest, '"'));
    }
    if rest.starts_with('r') && !previous.is_some_and(|c| is_word(c) && c != 'b') {
        let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
        if rest[1 + hashes..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let body = 2 + hashes;
            let end = rest[body..].find(&close).map(|at| body + at + close.len());
            return to_end(end);
        }
    }
    if rest.starts_with('\'') {
        // A char has its closing quote after one character or an escape; a lifetime has none.
        let mut chars = rest.chars().skip(1);
        let (first, second) = (chars.next()?, chars.next()?);
        return (first == '\\' || second == '\'').then(|| quoted(rest, '\''));
    }
    None
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        let tail = &rest[at..];
        if tail.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if tail.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += tail.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}
