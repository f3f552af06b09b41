//! The marks of blocks that the host disturbed: their number, which blocks, and why. Pure.

use jwtbench_result::duel::BlockNoise;

use crate::subject::caveat::Caveat;

/// The most reasons that are shown, each in a line.
const MAX_REASONS: usize = 4;
/// The letter of a figure that the host disturbed, as in every form.
const LETTER: char = Caveat::Disturbed.letter();

/// The remark on figures if the host disturbed blocks: `dropped` of them were left out, or with 0
/// they are all included. The remark is empty if the host disturbed none.
pub fn of_figures(noise: &[BlockNoise], dropped: u32) -> String {
    let is_disturbed = |block: &&BlockNoise| block.disturbed.is_some();
    let (count, all) = (noise.iter().filter(is_disturbed).count(), noise.len());
    match (count, dropped) {
        (0, _) => String::new(),
        (_, 0) => format!(" {LETTER}: the host disturbed {count} of {all} blocks"),
        _ => format!(": {count} of {all} blocks left out, as the host disturbed them ({LETTER})"),
    }
}

/// The blocks that the host disturbed, numbered from 1, with the reason. Blocks with the same
/// reason share a line.
pub fn of_blocks(noise: &[BlockNoise]) -> Vec<String> {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for BlockNoise { block, disturbed, .. } in noise {
        let Some(reason) = disturbed.as_deref() else { continue };
        let number = (block + 1).to_string();
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, blocks)) => blocks.push(number),
            None => reasons.push((reason, vec![number])),
        }
    }
    let more: usize = reasons.iter().skip(MAX_REASONS).map(|(_, blocks)| blocks.len()).sum();
    let line = |(reason, blocks): &(&str, Vec<String>)| {
        let noun = if blocks.len() == 1 { "block" } else { "blocks" };
        format!("{LETTER} {noun} {}: {reason}", blocks.join(", "))
    };
    let others = format!("{LETTER} {more} more blocks, each with its reason in `noise` (JSON)");
    let others = Some(others).filter(|_| more > 0);
    reasons.iter().take(MAX_REASONS).map(line).chain(others).collect()
}

#[cfg(test)]
mod tests {
    use jwtbench_result::host::noise::Noise;

    use super::*;

    #[test]
    fn a_disturbed_block_has_a_mark_and_a_reason() {
        type Row<'r> = (&'r [f64], u32, &'r str, &'r [&'r str], &'r str);
        let rows: [Row<'_>; 6] = [
            (&[], 0, "", &[], "an old result tells nothing"),
            (&[0.0, 0.1], 0, "", &[], "a still host, at the limit"),
            (
                &[0.0, 0.5, 0.0, 0.0, 0.0],
                1,
                ": 1 of 5 blocks left out, as the host disturbed them (d)",
                &["d block 2: CPU time of other processes 50.0 %, over 10 %"],
                "one is left out",
            ),
            (
                &[0.5, 0.0, 0.5],
                0,
                " d: the host disturbed 2 of 3 blocks",
                &["d blocks 1, 3: CPU time of other processes 50.0 %, over 10 %"],
                "too many: they stay in, and the figures are marked",
            ),
            (
                &[0.51, 0.52, 0.53, 0.54],
                0,
                " d: the host disturbed 4 of 4 blocks",
                &["d block 1: ", "d block 2: ", "d block 3: ", "d block 4: "],
                "each for a reason of its own",
            ),
            (
                &[0.51, 0.52, 0.53, 0.54, 0.55, 0.56, 0.56],
                0,
                " d: the host disturbed 7 of 7 blocks",
                &["d block 1: ", "d block 2: ", "d block 3: ", "d block 4: ", "d 3 more blocks"],
                "more reasons than lines",
            ),
        ];
        for (others, dropped, figures, blocks, why) in rows {
            let noise = |others: f64| Noise { others: Some(others), ..Noise::default() };
            let block = |(at, others): (u32, &f64)| BlockNoise::of(at, noise(*others));
            let noise: Vec<BlockNoise> = (0u32..).zip(others).map(block).collect();
            assert_eq!(of_figures(&noise, dropped), figures, "{why}");
            let lines = of_blocks(&noise);
            assert_eq!(lines.len(), blocks.len(), "{why}: {lines:?}");
            let is_told = |(line, start): (&String, &&str)| line.starts_with(start);
            assert!(lines.iter().zip(blocks).all(is_told), "{why}: {lines:?}");
        }
    }
}
