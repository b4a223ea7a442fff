//! Columns as codes: each distinct value of a column gets a number below the count of distinct values.

use std::fmt::Write as _;

use hashbrown::HashMap;

use super::names::{Names, number_text};
use super::numbering::{Near, number_near, places, recode_all, sorted};
use super::texts::{NotUtf8, Texts};

/// The code of a row without a value.
pub const MISSING: u32 = u32::MAX;

/// Whole numbers up to here are the same as `f64`.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Integers this many times as spread out as there are rows are still numbered through a bitmap.
const SPREAD: u64 = 64;

/// A column whose rows are all known: codes below `names.len()`, in the order of the names, or [`MISSING`].
#[derive(Debug, Clone)]
pub struct Coded {
    pub codes: Vec<u32>,
    pub names: Names,
}

/// In which order distinct texts are numbered. Numbers are always numbered by value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextOrder {
    CodePoints,
    /// Of a hash of the text: as independent of the order of rows, and cheap for millions of texts.
    Hash,
}

/// Codes the values of one column, row by row.
#[derive(Debug)]
pub struct Coder {
    codes: Vec<u32>,
    values: Values,
}

#[derive(Debug)]
enum Values {
    /// Integers as their distance from `base`, while all are within 2³² of each other.
    Near(Near),
    Ints(Dictionary<i64>),
    /// By the bits of the number.
    Floats(Dictionary<u64>),
    Texts(Texts),
}

#[derive(Debug, Default)]
struct Dictionary<K> {
    codes: HashMap<K, u32>,
    keys: Vec<K>,
}

impl<K: Copy + Eq + std::hash::Hash> Dictionary<K> {
    fn code(&mut self, key: K) -> u32 {
        *self.codes.entry(key).or_insert_with(|| {
            self.keys.push(key);
            self.keys.len() as u32 - 1
        })
    }
}

impl Coder {
    pub fn with_capacity(rows: usize) -> Self {
        Self { codes: Vec::with_capacity(rows), values: Values::Near(Near { base: 0, low: MISSING, high: 0 }) }
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    pub fn missing(&mut self) {
        self.codes.push(MISSING);
    }

    pub fn int(&mut self, value: i64) {
        self.ints(std::iter::once(value));
    }

    /// Many integers: the fast way in.
    pub fn ints(&mut self, values: impl IntoIterator<Item = i64>) {
        let mut values = values.into_iter();
        let mut next = values.next();
        if let (Values::Near(near), Some(first)) = (&mut self.values, next) {
            if near.low == MISSING {
                *near = Near::around(first);
            }
            let mut span = *near;
            while let Some(distance) = next.and_then(|value| span.distance(value)) {
                span.low = span.low.min(distance);
                span.high = span.high.max(distance);
                self.codes.push(distance);
                next = values.next();
            }
            *near = span;
        }
        while let Some(value) = next {
            self.one_int(value);
            next = values.next();
        }
    }

    /// An integer where integers no longer are distances.
    fn one_int(&mut self, value: i64) {
        if matches!(self.values, Values::Near(_)) {
            self.values = Values::Ints(self.near_to_ints());
        }
        let code = match &mut self.values {
            Values::Ints(dictionary) => dictionary.code(value),
            Values::Floats(dictionary) => dictionary.code((value as f64).to_bits()),
            Values::Texts(texts) => texts.code_of_number(value),
            Values::Near(_) => MISSING,
        };
        self.codes.push(code);
    }

    /// Not a number is a missing value.
    pub fn float(&mut self, value: f64) {
        if value.is_nan() {
            self.missing();
        } else if value.fract() == 0.0 && value.abs() < EXACT {
            self.int(value as i64);
        } else {
            if let Values::Texts(texts) = &mut self.values {
                self.codes.push(texts.code_of_known(number_text(value).as_bytes()));
                return;
            }
            self.become_floats();
            if let Values::Floats(dictionary) = &mut self.values {
                self.codes.push(dictionary.code(value.to_bits()));
            }
        }
    }

    /// A text of a typed column: "1" stays a text. A column with numbers and texts holds texts.
    ///
    /// # Errors
    /// When the text is not UTF-8.
    pub fn text(&mut self, text: &[u8]) -> Result<(), NotUtf8> {
        if !matches!(self.values, Values::Texts(_)) {
            self.become_texts();
        }
        if let Values::Texts(texts) = &mut self.values {
            self.codes.push(texts.code(text)?);
        }
        Ok(())
    }

    /// A field of an untyped column: an integer in its plain form is an integer as long as all fields are.
    ///
    /// # Errors
    /// When the text is not UTF-8.
    pub fn field(&mut self, text: &[u8]) -> Result<(), NotUtf8> {
        match plain_int(text) {
            Some(value) if !matches!(self.values, Values::Texts(_)) => {
                self.int(value);
                Ok(())
            }
            _ => self.text(text),
        }
    }

    /// Appends codes that `text` or `code_of_text` gave.
    pub fn push_code(&mut self, code: u32) {
        self.codes.push(code);
    }

    /// The code that a text would be given, without a row.
    ///
    /// # Errors
    /// When the text is not UTF-8.
    pub fn code_of_text(&mut self, text: &[u8]) -> Result<u32, NotUtf8> {
        if !matches!(self.values, Values::Texts(_)) {
            self.become_texts();
        }
        match &mut self.values {
            Values::Texts(texts) => texts.code(text),
            _ => Ok(MISSING),
        }
    }

    fn near_to_ints(&mut self) -> Dictionary<i64> {
        let mut dictionary = Dictionary::default();
        if let Values::Near(near) = self.values {
            for code in self.codes.iter_mut().filter(|code| **code != MISSING) {
                *code = dictionary.code(near.value(*code));
            }
        }
        dictionary
    }

    fn become_floats(&mut self) {
        if let Values::Near(_) = self.values {
            self.values = Values::Ints(self.near_to_ints());
        }
        if let Values::Ints(ints) = &self.values {
            let mut floats = Dictionary::default();
            let recode: Vec<u32> = ints.keys.iter().map(|&key| floats.code((key as f64).to_bits())).collect();
            recode_all(&mut self.codes, &recode);
            self.values = Values::Floats(floats);
        }
    }

    fn become_texts(&mut self) {
        if let Values::Near(_) = self.values {
            self.values = Values::Ints(self.near_to_ints());
        }
        let mut texts = Texts::default();
        let mut buffer = String::new();
        let mut code = |value: &dyn std::fmt::Display| {
            buffer.clear();
            let _ = write!(buffer, "{value}");
            texts.code_of_known(buffer.as_bytes())
        };
        let recode: Vec<u32> = match &self.values {
            Values::Ints(ints) => ints.keys.iter().map(|key| code(key)).collect(),
            Values::Floats(floats) => {
                floats.keys.iter().map(|&bits| code(&number_text(f64::from_bits(bits)))).collect()
            }
            Values::Near(_) | Values::Texts(_) => return,
        };
        recode_all(&mut self.codes, &recode);
        self.values = Values::Texts(texts);
    }

    /// Numbers the distinct values in their order.
    pub fn finish(mut self, order: TextOrder) -> Coded {
        if let Values::Near(near) = self.values {
            if near.low == MISSING {
                return Coded { codes: self.codes, names: Names::Texts(Texts::default()) };
            }
            let span = u64::from(near.high - near.low) + 1;
            if span <= SPREAD * self.codes.len() as u64 + 1024 {
                return number_near(self.codes, near);
            }
            self.values = Values::Ints(self.near_to_ints());
        }
        let mut codes = self.codes;
        let names = match self.values {
            Values::Ints(ints) => Names::Ints(sorted(&mut codes, ints.keys, i64::cmp)),
            Values::Floats(floats) => {
                let values = floats.keys.into_iter().map(f64::from_bits).collect();
                Names::Floats(sorted(&mut codes, values, f64::total_cmp))
            }
            Values::Texts(texts) => {
                let order = match order {
                    TextOrder::CodePoints => texts.by_code_points(),
                    TextOrder::Hash => texts.by_hash(),
                };
                recode_all(&mut codes, &places(&order));
                Names::Texts(texts.reordered(&order))
            }
            Values::Near(_) => Names::Texts(Texts::default()),
        };
        Coded { codes, names }
    }
}

/// An integer that is written as we would write it: no sign but a minus, no leading zero, at most 18 digits.
fn plain_int(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let plain = match digits {
        [b'0'] => !negative,
        [b'1'..=b'9', ..] => digits.len() <= 18,
        _ => false,
    };
    if !plain {
        return None;
    }
    let mut value = 0_i64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = 10 * value + i64::from(digit - b'0');
    }
    Some(if negative { -value } else { value })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    fn names(coded: &Coded) -> Vec<String> {
        (0..coded.names.len() as u32).map(|code| coded.names.name(code).into_owned()).collect()
    }

    fn of_ints(values: &[i64]) -> Coded {
        let mut coder = Coder::with_capacity(0);
        coder.ints(values.iter().copied());
        coder.finish(TextOrder::CodePoints)
    }

    fn of_fields(fields: &[&str]) -> Coded {
        let mut coder = Coder::with_capacity(0);
        for field in fields {
            coder.field(field.as_bytes()).unwrap();
        }
        coder.finish(TextOrder::CodePoints)
    }

    #[test]
    fn integers_are_numbered_by_value_however_far_apart() {
        let dense = of_ints(&[7, 5, 6, 5]);
        assert_eq!(
            (dense.codes, names(&of_ints(&[7, 5, 6, 5]))),
            (vec![2, 0, 1, 0], vec!["5".into(), "6".into(), "7".into()])
        );
        let sparse = of_ints(&[1000, -3, 64, 1000]);
        assert_eq!(
            (&sparse.codes[..], names(&sparse)),
            (&[2, 0, 1, 2][..], vec!["-3".into(), "64".into(), "1000".into()])
        );
        let far = of_ints(&[3, i64::MAX, i64::MIN, 3, -1]);
        assert_eq!(far.codes, [2, 3, 0, 2, 1]);
        assert_eq!(names(&far), [i64::MIN.to_string(), "-1".into(), "3".into(), i64::MAX.to_string()]);
        let ends = of_ints(&[i64::MIN, i64::MIN + 1, i64::MAX]);
        assert_eq!(ends.codes, [0, 1, 2]);
        assert_eq!(of_ints(&[0, 1 << 31, -(1 << 31), (1 << 31) - 1]).codes, [1, 3, 0, 2]);
    }

    #[test]
    fn a_column_of_several_kinds_keeps_its_values() {
        let mut coder = Coder::with_capacity(0);
        coder.missing();
        coder.int(2);
        coder.float(0.5);
        coder.float(2.0);
        coder.float(f64::NAN);
        coder.float(-0.0);
        coder.int(0);
        let numbers = coder.finish(TextOrder::CodePoints);
        assert_eq!(numbers.codes, [MISSING, 2, 1, 2, MISSING, 0, 0]);
        assert_eq!(names(&numbers), ["0", "0.5", "2"]);

        let mut coder = Coder::with_capacity(0);
        coder.int(10);
        coder.float(0.5);
        coder.text(b"a").unwrap();
        coder.text(b"10").unwrap();
        coder.float(1.5);
        coder.int(9);
        let texts = coder.finish(TextOrder::CodePoints);
        assert_eq!(names(&texts), ["0.5", "1.5", "10", "9", "a"]);
        assert_eq!(texts.codes, [2, 0, 4, 2, 1, 3]);
    }

    #[test]
    fn fields_are_integers_only_if_all_are_written_plainly() {
        assert!(matches!(of_fields(&["1", "-2", "0"]).names, Names::Ints(_)));
        for odd in ["01", "+1", "-0", "1.0", "", "1e3", "12345678901234567890"] {
            let coded = of_fields(&["1", odd, "1"]);
            assert!(matches!(coded.names, Names::Texts(_)), "{odd}");
            assert_eq!(coded.names.name(coded.codes[1]), odd);
            assert_eq!(coded.codes[0], coded.codes[2]);
        }
        assert_eq!(of_fields(&["123456789012345678"]).names.name(0), "123456789012345678");
    }

    #[test]
    fn text_that_is_not_utf8_is_refused() {
        assert!(Coder::with_capacity(0).field(b"caf\xe9").is_err());
    }

    #[test]
    fn numbers_are_written_shortly() {
        let cases = [(1.0, "1"), (0.5, "0.5"), (-2.25, "-2.25"), (1e300, "1e300"), (0.0, "0"), (f64::INFINITY, "inf")];
        for (value, text) in cases {
            assert_eq!(number_text(value), text);
        }
    }

    #[test]
    fn hash_order_does_not_depend_on_the_order_of_rows() {
        let finish = |fields: &[&str]| {
            let mut coder = Coder::with_capacity(0);
            fields.iter().for_each(|field| coder.text(field.as_bytes()).unwrap());
            names(&coder.finish(TextOrder::Hash))
        };
        assert_eq!(finish(&["a", "b", "c", "a"]), finish(&["c", "a", "b"]));
    }
}
