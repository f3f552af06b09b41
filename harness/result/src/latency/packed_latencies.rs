//! The three whole histograms of a row, packed as HdrHistogram V2 with DEFLATE. They take a few
//! kilobytes where the counts take hundreds, so a long run can keep them all. Knows no file.

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};

use crate::latency::histogram::{Latencies, LatencyKind};

/// The packed histograms of response, service and lateness, with values in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedLatencies([Vec<u8>; 3]);

impl PackedLatencies {
    /// Packs the recorded histograms.
    pub fn pack(latencies: &Latencies) -> PackedLatencies {
        let mut serializer = V2DeflateSerializer::new();
        let mut pack = |kind: LatencyKind| {
            let mut bytes = Vec::new();
            serializer
                .serialize(latencies.histogram(kind), &mut bytes)
                .expect("memory takes it, and no count is above 2^63");
            bytes
        };
        PackedLatencies(LatencyKind::ALL.map(&mut pack))
    }

    /// Takes packed histograms in the order of [`LatencyKind::ALL`]. It is `None` if one of them is
    /// not such a histogram, or if their counts differ.
    pub fn from_bytes(bytes: [Vec<u8>; 3]) -> Option<PackedLatencies> {
        let counts = bytes.each_ref().map(|bytes| unpack(bytes).map(|histogram| histogram.len()));
        let [Some(response), Some(service), Some(lateness)] = counts else {
            return None;
        };
        (response == service && service == lateness).then_some(PackedLatencies(bytes))
    }

    /// The whole histogram of one of the three.
    pub fn histogram(&self, kind: LatencyKind) -> Histogram<u64> {
        unpack(&self.0[kind as usize]).expect("packed by us, or unpacked once when it was made")
    }
}

fn unpack(mut bytes: &[u8]) -> Option<Histogram<u64>> {
    Deserializer::new().deserialize(&mut bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_back_whole() {
        let mut latencies = Latencies::default();
        for (response, service, late) in
            [(0, 0, 0), (40_000, 39_999, 1), (i64::MAX as u64, 1, 90 << 30)]
        {
            latencies.record(response, service, late);
        }
        let packed = PackedLatencies::pack(&latencies);
        for kind in LatencyKind::ALL {
            assert_eq!(&packed.histogram(kind), latencies.histogram(kind), "{}", kind.name());
        }
        assert_eq!(PackedLatencies::from_bytes(packed.0.clone()), Some(packed));
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        let pack = |count: u64| {
            let mut latencies = Latencies::default();
            (0..count).for_each(|number| latencies.record(2 * number, number, number));
            PackedLatencies::pack(&latencies).0
        };
        let [response, service, lateness] = pack(100);
        let [other, ..] = pack(99);
        let short = service[..service.len() / 2].to_vec();
        let rows = [
            ([response.clone(), service.clone(), Vec::new()], "nothing"),
            ([response.clone(), short, lateness.clone()], "half of one"),
            ([response.clone(), b"no histogram".to_vec(), lateness.clone()], "text"),
            ([other, service, lateness], "operations that were not recorded three times"),
        ];
        for (bytes, why) in rows {
            assert_eq!(PackedLatencies::from_bytes(bytes), None, "{why}");
        }
    }
}
