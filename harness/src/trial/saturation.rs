//! A closed loop that finds a capacity: its rounds, with every service recorded.

use crate::result::Measurement;
use crate::result::capacity::Saturated;

use super::{Control, Gathering, Trial, TrialError};

impl Trial<'_> {
    /// Runs the rounds of a closed loop. Capacity is the median over them. `None` if it was told
    /// to stop.
    ///
    /// # Errors
    /// As [`Trial::run`].
    pub fn saturate(
        mut self,
        control: Control<'_>,
    ) -> Result<Option<(Saturated, Measurement)>, TrialError> {
        self.records_services = true;
        let mut gathering = Gathering::new(self.plan, self.contender, false);
        let mut saturated = Saturated::default();
        for round in 0..self.plan.scenario.load.rounds {
            let mut record = self.run(control)?;
            if record.interrupted {
                return Ok(None);
            }
            saturated.services.resize_with(record.services.len(), Vec::new);
            let workers = saturated.services.iter_mut().zip(&mut record.services);
            workers.for_each(|(mine, theirs)| mine.append(theirs));
            gathering.add(round, record);
        }
        let measurement = gathering.finish();
        let mut rates: Vec<f64> =
            measurement.rounds.iter().map(|round| round.throughput_per_s).collect();
        rates.sort_by(f64::total_cmp);
        saturated.capacity_per_s = rates.get(rates.len() / 2).copied().unwrap_or(0.0);
        saturated.token_bytes_mean = measurement.token_bytes_mean;
        Ok(Some((saturated, measurement)))
    }
}
