use crate::distribution::{chi_squared_sf, f_sf};

/// An F test of "no item differs from another".
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FTest {
    pub f: f64,
    pub df1: u64,
    pub df2: u64,
    /// P(F > f); what is below the smallest normal number, about 2.2e-308, is given as that.
    pub p: f64,
}

impl FTest {
    pub(super) fn new(f: f64, df1: u64, df2: u64) -> Self {
        Self { f, df1, df2, p: f_sf(f, df1 as f64, df2 as f64).max(f64::MIN_POSITIVE) }
    }
}

/// A chi-squared test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChiSquaredTest {
    pub chi_squared: f64,
    pub df: u64,
    /// P(X² > chi_squared); what is below the smallest normal number, about 2.2e-308, is given as that.
    pub p: f64,
}

impl ChiSquaredTest {
    pub(super) fn new(chi_squared: f64, df: u64) -> Self {
        Self { chi_squared, df, p: chi_squared_sf(chi_squared, df as f64).max(f64::MIN_POSITIVE) }
    }
}
