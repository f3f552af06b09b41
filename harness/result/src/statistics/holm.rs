//! Holm's correction: several tests share one error rate. Pure.

/// The adjusted p of each test, in the given order, to be compared with the whole error rate (Holm
/// 1979, Scandinavian Journal of Statistics 6, 65-70).
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut adjusted = vec![1.0; p.len()];
    let mut highest = 0.0f64;
    for (rank, place) in order.into_iter().enumerate() {
        highest = highest.max(p[place] * (p.len() - rank) as f64).min(1.0);
        adjusted[place] = highest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjusts_as_r_does() {
        let rows: [(&[f64], &[f64], &str); 5] = [
            (&[0.01, 0.04, 0.03, 0.005], &[0.03, 0.06, 0.06, 0.02], "p.adjust(method = holm)"),
            (&[0.02], &[0.02], "one test pays nothing"),
            (&[0.5, 0.6], &[1.0, 1.0], "never above 1"),
            (&[0.03125; 4], &[0.125; 4], "6 blocks cannot pass four gates"),
            (&[], &[], "none"),
        ];
        for (p, expected, why) in rows {
            let adjusted = holm(p);
            assert_eq!(adjusted.len(), expected.len(), "{why}");
            for (got, expected) in adjusted.iter().zip(expected) {
                assert!((got - expected).abs() < 1e-12, "{why}: {got} for {expected}");
            }
        }
    }
}
