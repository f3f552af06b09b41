//! The tokens: their classes, how they are made and signed, and how they are passed on.

pub mod class;
pub(crate) mod class_table;
pub mod corpus;
pub mod draft;
pub mod fit;
pub mod own;
pub mod pack;
