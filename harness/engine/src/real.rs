//! Rounds in real time: workers on threads, the endpoint on sockets, and a thread that watches the
//! host.

pub(crate) mod calibration;
pub mod clock;
pub mod control;
pub mod host;
pub(crate) mod host_sampler;
pub(crate) mod http_player;
pub(crate) mod interleaved;
pub(crate) mod kernel;
pub mod live_view;
pub(crate) mod prepared_state;
#[cfg(feature = "redis")]
pub(crate) mod redis_player;
pub(crate) mod round;
pub(crate) mod saturation;
pub mod serving;
pub(crate) mod stalled;
pub(crate) mod state_player;
pub(crate) mod store_round;
pub mod turns;
pub(crate) mod windows;
pub(crate) mod worker;

pub use calibration::calibrate;
pub use control::Control;
pub use interleaved::interleaved;
pub use round::longest_round;
pub use saturation::saturate;
