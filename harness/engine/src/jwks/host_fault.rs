//! Limits of this host that end an attempt before the endpoint can answer it. They are no outcome
//! of the contender that is measured. They are recognised by the system's error. The module knows
//! no trial.

use std::error::Error;
use std::io;
use std::sync::{Arc, OnceLock};

use rustix::io::Errno;

/// A limit of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostFault {
    /// No file descriptor is left (`EMFILE` or `ENFILE`).
    #[error(
        "no file descriptor was left for another connection (EMFILE or ENFILE); raise \
         `ulimit -n`, or lower the rate"
    )]
    Descriptors,
    /// No local port is left (`EADDRNOTAVAIL`): every ephemeral port is in use or in `TIME_WAIT`.
    #[error(
        "no local port was left for another connection (EADDRNOTAVAIL); wait a minute until past \
         ones are free again, widen net.ipv4.ip_local_port_range, or lower the rate"
    )]
    Ports,
    /// The loopback interface cannot be reached (`ENETUNREACH`, `EHOSTUNREACH` or `ENETDOWN`).
    #[error(
        "127.0.0.1 could not be reached (ENETUNREACH, EHOSTUNREACH or ENETDOWN); bring the \
         loopback interface up: ip link set lo up"
    )]
    Unreachable,
    /// The system forbids the connection (`EACCES` or `EPERM`).
    #[error(
        "the system forbade a connection to 127.0.0.1 (EACCES or EPERM); allow it in the firewall \
         or the sandbox"
    )]
    Forbidden,
    /// The system has no memory for the connection (`ENOBUFS` or `ENOMEM`).
    #[error(
        "the system had no memory for another connection (ENOBUFS or ENOMEM); free some, or lower \
         the rate"
    )]
    Buffers,
    /// The bodies in flight together exceed the program's own limit.
    #[error(
        "bodies in flight would have taken over {} MiB together, the most that is kept; lower the \
         rate or the size of the body, or choose a cache policy with fewer fetches at once or a \
         lower `max-body`",
        limit >> 20
    )]
    Bodies {
        /// The limit, in bytes.
        limit: usize,
    },
}

impl HostFault {
    /// The limit of this host behind an error of a socket; `None` if the peer may have caused the
    /// error.
    pub fn of(error: &io::Error) -> Option<HostFault> {
        match Errno::from_io_error(error)? {
            Errno::MFILE | Errno::NFILE => Some(HostFault::Descriptors),
            Errno::ADDRNOTAVAIL => Some(HostFault::Ports),
            Errno::NETUNREACH | Errno::HOSTUNREACH | Errno::NETDOWN => Some(HostFault::Unreachable),
            Errno::ACCESS | Errno::PERM => Some(HostFault::Forbidden),
            Errno::NOBUFS | Errno::NOMEM => Some(HostFault::Buffers),
            _ => None,
        }
    }

    /// The limit of this host behind any error, found among the socket errors that caused it.
    pub fn behind(error: &(dyn Error + 'static)) -> Option<HostFault> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(fault) = error.downcast_ref().and_then(HostFault::of) {
                return Some(fault);
            }
            cause = error.source();
        }
        None
    }
}

/// The first limit of this host that was noted. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct HostFaults(Arc<OnceLock<HostFault>>);

impl HostFaults {
    /// Notes a limit, unless one was noted before.
    pub fn note(&self, fault: HostFault) {
        // A later limit may follow from the first one.
        _ = self.0.set(fault);
    }

    /// The first limit that was noted, if any was.
    pub fn first(&self) -> Option<HostFault> {
        self.0.get().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("a connection ended")]
    struct Outer(#[source] io::Error);

    #[test]
    fn limits_of_the_host_are_told_from_answers_of_the_peer() {
        let rows = [
            (Errno::MFILE, Some(HostFault::Descriptors), "of the process"),
            (Errno::NFILE, Some(HostFault::Descriptors), "of the system"),
            (Errno::ADDRNOTAVAIL, Some(HostFault::Ports), "no ephemeral port"),
            (Errno::NETUNREACH, Some(HostFault::Unreachable), "no route"),
            (Errno::HOSTUNREACH, Some(HostFault::Unreachable), "no neighbour"),
            (Errno::NETDOWN, Some(HostFault::Unreachable), "no interface"),
            (Errno::PERM, Some(HostFault::Forbidden), "a firewall"),
            (Errno::ACCESS, Some(HostFault::Forbidden), "a sandbox"),
            (Errno::NOBUFS, Some(HostFault::Buffers), "no buffers"),
            (Errno::NOMEM, Some(HostFault::Buffers), "no memory"),
            (Errno::CONNREFUSED, None, "nobody listens"),
            (Errno::CONNRESET, None, "the peer resets"),
            (Errno::TIMEDOUT, None, "the peer is silent"),
            (Errno::PIPE, None, "the peer is gone"),
        ];
        for (errno, due, why) in rows {
            let error = io::Error::from_raw_os_error(errno.raw_os_error());
            assert_eq!(HostFault::of(&error), due, "{why}");
            assert_eq!(HostFault::behind(&Outer(error)), due, "{why}, as a cause");
        }
        assert_eq!(HostFault::of(&io::ErrorKind::ConnectionRefused.into()), None, "no errno");
        let faults = HostFaults::default();
        faults.clone().note(HostFault::Ports);
        faults.note(HostFault::Descriptors);
        assert_eq!(faults.first(), Some(HostFault::Ports), "the first one stands");
    }

    #[test]
    fn a_fault_says_what_to_do() {
        let all = [
            (HostFault::Descriptors, "ulimit -n"),
            (HostFault::Ports, "ip_local_port_range"),
            (HostFault::Unreachable, "ip link set lo up"),
            (HostFault::Forbidden, "firewall"),
            (HostFault::Buffers, "lower the rate"),
            (HostFault::Bodies { limit: 5 << 20 }, "over 5 MiB"),
        ];
        for (fault, words) in all {
            assert!(fault.to_string().contains(words), "{fault}");
        }
    }
}
