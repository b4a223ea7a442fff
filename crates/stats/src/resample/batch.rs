use super::Resampling;
use super::draw::draw_single_items;
use super::generator::Generator;

/// How many draws are counted in one pass over the data.
pub const LANES: usize = 16;

/// How often each unit is counted in each of [`LANES`] draws, of units that stand for one item each. Takes `LANES` bytes per unit.
#[derive(Debug)]
pub struct Batch {
    units: usize,
    /// By draw and unit: drawing fills one draw at a time, which the cache of a core can hold.
    times: Vec<u8>,
}

/// Units whose counts are put side by side at a time.
const BLOCK: usize = 64;

impl Batch {
    pub(super) fn new(units: usize) -> Self {
        Self { units, times: vec![0; units * LANES] }
    }

    /// Makes one draw from each generator, of which there are at most [`LANES`]. The draws that are left count nothing.
    pub(super) fn draw(&mut self, generators: &mut [Generator]) {
        let mut draws = self.times.chunks_mut(self.units.max(1));
        generators.iter_mut().zip(draws.by_ref()).for_each(|(generator, times)| draw_single_items(generator, times));
        draws.for_each(|times| times.fill(0));
    }

    /// Calls `visit` with each unit and how often each draw counts it, in ascending order of units.
    pub fn for_each_unit(&self, mut visit: impl FnMut(usize, &[u8; LANES])) {
        let mut rows = [[0; LANES]; BLOCK];
        for start in (0..self.units).step_by(BLOCK) {
            let units = BLOCK.min(self.units - start);
            for (lane, times) in self.times.chunks(self.units).enumerate() {
                rows.iter_mut().zip(&times[start..start + units]).for_each(|(row, &times)| row[lane] = times);
            }
            for (unit, row) in (start..).zip(&rows[..units]) {
                visit(unit, row);
            }
        }
    }
}

/// The generators of the replicates of a batch, the last of which may have fewer than [`LANES`].
pub(super) fn generators(resampling: &Resampling, batch: usize) -> Vec<Generator> {
    let (first, end) = (batch * LANES, resampling.resamples.min((batch + 1) * LANES));
    (first..end).map(|number| Generator::stream(resampling.seed, number as u64)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::draw::Draws;
    use super::*;

    #[test]
    fn each_draw_of_a_batch_is_the_replicate_of_its_number() {
        for units in [0, 1, 2, 63, 64, 65, 1000] {
            let ones = vec![1; units];
            let expected = |number: usize| {
                let mut times = vec![0; units];
                Draws::new(&ones).draw(&mut Generator::stream(9, number as u64), &mut times);
                times
            };
            let mut batch = Batch::new(units);
            let resampling = Resampling { resamples: 50, seed: 9, threads: 1 };
            for number in [0, 3] {
                batch.draw(&mut generators(&resampling, number));
                let first = number * LANES;
                let mut found = vec![Vec::new(); LANES];
                batch.for_each_unit(|unit, times| {
                    assert_eq!(unit, found[0].len());
                    found.iter_mut().zip(times).for_each(|(found, &times)| found.push(u64::from(times)));
                });
                for (lane, found) in found.iter().enumerate() {
                    let drawn = if first + lane < 50 { expected(first + lane) } else { vec![0; units] };
                    assert_eq!(*found, drawn, "{units} units, draw {}", first + lane);
                }
            }
        }
    }
}
