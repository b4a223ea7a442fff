//! Statistics of agreement between raters: pure functions on numbers and slices, without IO and without dependencies.
//!
//! Ratings go in once ([`agreement::Ratings`]), are condensed into additive counts ([`agreement::Facts`]), and every figure is a
//! function of those counts. Figures are [`Estimate`]s: a value and a 95 % interval, each of which may be undefined with a reason,
//! never a NaN. The order of items, raters and labels never changes a bit of the result.
//!
//! Labels that stand for numbers have further measures ([`numeric`]); the distributions behind tests and intervals are in
//! [`distribution`].
#![forbid(unsafe_code)]

pub mod agreement;
pub mod distribution;
mod estimate;
pub mod interval;
pub mod numeric;
mod parallel;
pub mod resample;
mod sum;

pub use estimate::{ChanceCorrection, Estimate, Method, Sample, Spread, Undefined};
pub use parallel::Threads;
