/// How far apart two sets are, in [0, 1]; 0 only for equal sets. Two empty sets are equal; an empty and any other set are at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetDistance {
    /// 0 for equal sets, 1 otherwise.
    Nominal,
    /// 1 - |A ∩ B| / |A ∪ B| (Jaccard 1901).
    Jaccard,
    /// 1 - M |A ∩ B| / |A ∪ B| with M = 1 for equal sets, 2/3 when one holds the other, 1/3 when they only overlap, 0 when they
    /// are disjoint (Passonneau 2006).
    Masi,
}

impl SetDistance {
    /// The distance of two sets, each given by its elements in ascending order, each element once.
    pub fn of(self, a: &[u32], b: &[u32]) -> f64 {
        self.between(shared(a, b), a.len(), b.len())
    }

    /// The distance of sets with `a` and `b` elements of which `shared` are in both.
    pub(super) fn between(self, shared: usize, a: usize, b: usize) -> f64 {
        if a == shared && b == shared {
            return 0.0;
        }
        if shared == 0 {
            return 1.0;
        }
        let union = a + b - shared;
        let nested = shared == a.min(b);
        match self {
            Self::Nominal => 1.0,
            Self::Jaccard => (union - shared) as f64 / union as f64,
            Self::Masi => {
                let thirds = if nested { 2 } else { 1 };
                (3 * union - thirds * shared) as f64 / (3 * union) as f64
            }
        }
    }
}

/// How many elements two ascending lists share.
pub(super) fn shared(a: &[u32], b: &[u32]) -> usize {
    let (mut i, mut j, mut count) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                count += 1;
                i += 1;
                j += 1;
            }
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(kind: SetDistance, a: &[u32], b: &[u32]) -> f64 {
        let forth = kind.of(a, b);
        assert_eq!(forth, kind.of(b, a), "symmetric");
        forth
    }

    /// The cases of Passonneau (2006): equal, nested, overlapping, disjoint.
    #[test]
    fn masi_has_its_four_cases() {
        let masi = |a: &[u32], b: &[u32]| distance(SetDistance::Masi, a, b);
        assert_eq!(masi(&[1, 2], &[1, 2]), 0.0);
        assert_eq!(masi(&[1], &[1, 2]), 2.0 / 3.0);
        assert!((masi(&[1, 2], &[2, 3]) - (1.0 - 1.0 / 9.0)).abs() < 1e-15);
        assert_eq!(masi(&[1], &[2]), 1.0);
    }

    #[test]
    fn jaccard_is_the_share_of_elements_in_one_set_only() {
        assert_eq!(distance(SetDistance::Jaccard, &[1, 2], &[1, 2, 3, 4]), 0.5);
        assert_eq!(distance(SetDistance::Jaccard, &[1, 2, 5], &[2, 3]), 0.75);
    }

    #[test]
    fn empty_sets_are_equal_to_each_other_and_far_from_all_others() {
        for kind in [SetDistance::Nominal, SetDistance::Jaccard, SetDistance::Masi] {
            assert_eq!(distance(kind, &[], &[]), 0.0);
            assert_eq!(distance(kind, &[], &[3]), 1.0);
        }
    }
}
