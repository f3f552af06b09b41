//! The tests of the package in one program: it is linked once.

mod backends;
mod contract;
mod http;
mod key_cache;
mod key_set;
mod proof;
mod properties;
mod state;
mod vectors;
