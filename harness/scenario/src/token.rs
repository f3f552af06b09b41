//! The tokens: every way one can be wrong, how one is made and signed, and what is handed on.

pub mod class;
pub(crate) mod class_table;
pub mod corpus;
pub mod draft;
pub mod fit;
pub mod own;
pub mod pack;
