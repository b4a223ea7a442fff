use super::generator::Generator;

/// Draws from a fixed discrete distribution at one random word each (Walker 1977, in the construction of Vose 1991).
///
/// Built and drawn with additions, multiplications, divisions and comparisons alone, which IEEE 754 fixes to the last bit.
/// Probabilities are exact to rounding: about 2^-53 relative, and 2^-64 times the number of outcomes absolute.
#[derive(Debug, Clone)]
pub(super) struct Alias {
    columns: Vec<Column>,
}

#[derive(Debug, Clone, Copy)]
struct Column {
    /// The column's own outcome has the fractions below this, its other the rest.
    own: u64,
    other: usize,
}

const ALL: u64 = u64::MAX;

impl Alias {
    /// Outcomes 0, 1, 2 … in proportion to `weights`, which are not negative and have a positive finite sum.
    pub(super) fn new(weights: &[f64]) -> Self {
        let scale = weights.len() as f64 / weights.iter().sum::<f64>();
        let mut shares: Vec<f64> = weights.iter().map(|weight| weight * scale).collect();
        let mut columns: Vec<Column> = (0..weights.len()).map(|outcome| Column { own: ALL, other: outcome }).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..shares.len()).partition(|&outcome| shares[outcome] < 1.0);
        // What is missing to a full column comes from an outcome with more than one. A column that rounding leaves over keeps all.
        while let (Some(poor), Some(&rich)) = (small.pop(), large.last()) {
            columns[poor] = Column { own: (shares[poor] * TWO_TO_64) as u64, other: rich };
            shares[rich] = (shares[rich] + shares[poor]) - 1.0;
            if shares[rich] < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        Self { columns }
    }

    pub(super) fn draw(&self, generator: &mut Generator) -> usize {
        let (place, fraction) = generator.scaled(self.columns.len() as u64);
        let column = self.columns[place as usize];
        if fraction < column.own { place as usize } else { column.other }
    }
}

const TWO_TO_64: f64 = (1_u128 << 64) as f64;

#[cfg(test)]
mod tests {
    use super::super::chi_squared::assert_fits;
    use super::*;

    /// The probability of each outcome, from the table itself.
    fn probabilities(alias: &Alias) -> Vec<f64> {
        let columns = alias.columns.len() as f64;
        let mut found = vec![0.0; alias.columns.len()];
        for (outcome, column) in alias.columns.iter().enumerate() {
            let own = if column.other == outcome { 1.0 } else { column.own as f64 / TWO_TO_64 };
            found[outcome] += own / columns;
            found[column.other] += (1.0 - own) / columns;
        }
        found
    }

    #[test]
    fn tables_hold_the_probabilities_they_were_given() {
        for weights in [&[1.0][..], &[2.0, 2.0], &[0.0, 3.0, 1.0], &[5.0, 1e-9, 2.0, 0.5, 7.0, 0.0, 1.0]] {
            let total: f64 = weights.iter().sum();
            for (found, weight) in probabilities(&Alias::new(weights)).iter().zip(weights) {
                assert!((found - weight / total).abs() < 1e-15, "{weights:?}: {found}");
            }
        }
        let many: Vec<f64> = (0..20_000).map(|unit| 1.0 + f64::from(unit % 977) * f64::from(unit % 977)).collect();
        let total: f64 = many.iter().sum();
        for (found, weight) in probabilities(&Alias::new(&many)).iter().zip(&many) {
            assert!((found / (weight / total) - 1.0).abs() < 1e-10, "{found} {weight}");
        }
    }

    #[test]
    fn draws_follow_the_table() {
        let alias = Alias::new(&[1.0, 0.0, 4.0, 2.0, 3.0]);
        let mut generator = Generator::stream(11, 0);
        let mut counts = [0; 5];
        for _ in 0..100_000 {
            counts[alias.draw(&mut generator)] += 1;
        }
        assert_eq!(counts[1], 0);
        assert_fits(&[counts[0], counts[2], counts[3], counts[4]], &[0.1, 0.4, 0.2, 0.3]);
    }
}
