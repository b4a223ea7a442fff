//! What the codes of a column stand for.

use std::borrow::Cow;

use super::texts::Texts;

/// The distinct values of a column by code.
#[derive(Debug, Clone)]
pub enum Names {
    /// Every integer from `first` on.
    Range {
        first: i64,
        len: usize,
    },
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Texts(Texts),
}

impl Names {
    pub fn len(&self) -> usize {
        match self {
            Self::Range { len, .. } => *len,
            Self::Ints(values) => values.len(),
            Self::Floats(values) => values.len(),
            Self::Texts(texts) => texts.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value as text. The code is below [`len`](Self::len).
    pub fn name(&self, code: u32) -> Cow<'_, str> {
        match self {
            Self::Range { first, .. } => (first + i64::from(code)).to_string().into(),
            Self::Ints(values) => values[code as usize].to_string().into(),
            Self::Floats(values) => number_text(values[code as usize]).into(),
            Self::Texts(texts) => texts.get(code).into(),
        }
    }

    /// The value as a number; texts have none.
    pub fn number(&self, code: u32) -> Option<f64> {
        match self {
            Self::Range { first, .. } => Some((first + i64::from(code)) as f64),
            Self::Ints(values) => Some(values[code as usize] as f64),
            Self::Floats(values) => Some(values[code as usize]),
            Self::Texts(_) => None,
        }
    }
}

/// A number as its shortest text that reads as the same number: 1 for 1.0.
pub fn number_text(value: f64) -> String {
    if value != 0.0 && value.is_finite() && !(1e-7..1e17).contains(&value.abs()) {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}
