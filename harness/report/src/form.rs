//! The forms of a report. Each form has a file or a folder, and a folder has a file for each
//! subject.

pub(crate) mod bencher;
pub(crate) mod csv;
pub(crate) mod export;
pub(crate) mod github_action;
pub(crate) mod hgrm;
pub(crate) mod html;
pub(crate) mod junit;
pub(crate) mod markdown;
pub(crate) mod opentelemetry;
pub(crate) mod prometheus;
pub(crate) mod svg;
pub(crate) mod terminal;
