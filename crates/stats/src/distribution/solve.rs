use super::LogTails;

/// e to this power is still a number whose square root, inverse and product with moderate numbers are numbers.
const FARTHEST: f64 = 700.0;

/// The u with lower(u) = p or, for p above one half, upper(u) = 1 - p, where `tails` gives the tails at exp(u).
///
/// Both log tails are concave in u, so that one step of Newton's from anywhere leads to the far side of the solution, and all further ones
/// approach it from there. Only the steps towards the far side need a bound. The result is held within ±700.
pub(super) fn log_quantile(p: f64, start: f64, tails: impl Fn(f64) -> LogTails) -> f64 {
    let upper = p > 0.5;
    let target = if upper { (-p).ln_1p() } else { p.ln() };
    let (mut u, mut bound, mut last) = (start, 2.0_f64, f64::INFINITY);
    // Quadratic convergence ends within a handful of steps, a doubling bound within a dozen.
    for _ in 0..200 {
        let at = tails(u);
        let (tail, direction) = if upper { (at.upper, -1.0) } else { (at.lower, 1.0) };
        let excess = tail - target;
        let mut step = -direction * excess * (tail - at.density).exp();
        if excess > 0.0 && step.abs() > bound {
            step = step.clamp(-bound, bound);
            bound *= 2.0;
        }
        let next = (u + step).clamp(-FARTHEST, FARTHEST);
        let moved = (next - u).abs();
        u = next;
        if moved <= f64::EPSILON * u.abs() || (moved < 1e-9 && moved >= last) {
            break;
        }
        last = moved;
    }
    u
}
