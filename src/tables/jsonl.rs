//! JSON lines: one object per line, one rating per object.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek};
use std::path::Path;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::codes::Coder;
use super::columns::choose;
use super::table::{Columns, check_rows};
use super::{GroupSource, Request, fault, fault_at};
use crate::error::Result;

/// The names of columns are taken from so many objects.
const LOOKED_AT: usize = 1000;

pub fn read(path: &Path, mut file: File, request: &Request) -> Result<Columns> {
    let available = columns_of(path, &file, request)?;
    file.rewind().map_err(|error| fault(path, format_args!("the file cannot be read ({error})")))?;
    let chosen = choose(path, &available, request)?;
    let names = chosen.all();
    let mut coders: Vec<Coder> = names.iter().map(|_| Coder::with_capacity(0)).collect();
    let mut seen = vec![false; names.len()];
    let mut rows = 0;
    each_line(path, file, |line, number| {
        rows += 1;
        check_rows(path, rows)?;
        let mut cells = vec![None; names.len()];
        let mut input = serde_json::Deserializer::from_slice(line);
        Row { names: &names, cells: &mut cells }
            .deserialize(&mut input)
            .and_then(|()| input.end())
            .map_err(|error| fault(path, bad_line(number, &error)))?;
        for (slot, cell) in cells.into_iter().enumerate() {
            seen[slot] |= cell.is_some();
            put(&mut coders[slot], cell.unwrap_or(Cell::Missing))
                .map_err(|why| fault_at(path, rows, names[slot], why))?;
        }
        Ok(true)
    })?;
    if let Some(slot) = seen.iter().position(|seen| !seen) {
        return Err(fault(
            path,
            format_args!("there is no column {:?}; the columns are: {}", names[slot], available.join(", ")),
        ));
    }
    drop(names);
    Ok(Columns { chosen, coders, rows })
}

/// Calls with each line that is not blank, and its number, until told to stop.
fn each_line(path: &Path, file: File, mut use_line: impl FnMut(&[u8], u64) -> Result<bool>) -> Result<()> {
    let mut input = BufReader::with_capacity(1 << 20, file);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = input.read_until(b'\n', &mut line);
        if read.map_err(|error| fault(path, format_args!("the file cannot be read ({error})")))? == 0 {
            break;
        }
        let text = if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line };
        let text = text.trim_ascii();
        if !text.is_empty() && !use_line(text, number)? {
            break;
        }
    }
    Ok(())
}

fn bad_line(number: u64, error: &serde_json::Error) -> String {
    // The parser counts lines and columns of what it was given: one line.
    let why = error.to_string();
    let why = why.split(" at line ").next().unwrap_or_default();
    format!("line {number}, character {}: {why}; one JSON object per line was expected", error.column())
}

/// The keys of the first objects, in the order in which they come, and those that were asked for by name.
fn columns_of(path: &Path, file: &File, request: &Request) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    let mut left = LOOKED_AT;
    let file = file.try_clone().map_err(|error| fault(path, format_args!("the file cannot be read ({error})")))?;
    each_line(path, file, |line, number| {
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(line).map_err(|error| fault(path, bad_line(number, &error)))?;
        for key in object.keys() {
            if !names.contains(key) {
                names.push(key.clone());
            }
        }
        left -= 1;
        Ok(left > 0)
    })?;
    if left == 0 {
        // A key that comes later is believed; that it does come is checked in the end.
        let asked = [&request.item, &request.annotator, &request.label].into_iter().flatten();
        let group = match &request.groups {
            Some(GroupSource::Column(name)) => Some(name),
            _ => None,
        };
        for name in asked.chain(request.by.iter().map(|by| &by.name)).chain(group) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    Ok(names)
}

/// A value of an object.
#[derive(Debug, Clone)]
enum Cell<'a> {
    Missing,
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Nested(&'static str),
}

fn put(coder: &mut Coder, cell: Cell<'_>) -> Result<(), String> {
    match cell {
        Cell::Missing => coder.missing(),
        Cell::Int(value) => coder.int(value),
        Cell::Float(value) => coder.float(value),
        Cell::Text(text) => coder.text(text.as_bytes()).map_err(|bad| bad.to_string())?,
        Cell::Nested(what) => {
            return Err(format!("{what}, where a text, a number or null was expected; write one rating per line"));
        }
    }
    Ok(())
}

impl<'de> Deserialize<'de> for Cell<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CellVisitor)
    }
}

struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = Cell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number or null")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Cell::Missing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Cell::Text(Cow::Borrowed(if value { "true" } else { "false" })))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Cell::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).map_or_else(|_| Cell::Text(value.to_string().into()), Cell::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Cell::Float(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cell::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cell::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Cell::Nested("a list"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Cell::Nested("an object"))
    }
}

/// The wanted values of an object; others are passed over.
struct Row<'a, 'de> {
    names: &'a [&'a str],
    cells: &'a mut [Option<Cell<'de>>],
}

impl<'de> DeserializeSeed<'de> for Row<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Row<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(Key(key)) = object.next_key::<Key<'de>>()? {
            if !self.names.contains(&&*key) {
                object.next_value::<IgnoredAny>()?;
                continue;
            }
            let cell: Cell<'de> = object.next_value()?;
            for (name, slot) in self.names.iter().zip(self.cells.iter_mut()) {
                if **name == *key {
                    *slot = Some(cell.clone());
                }
            }
        }
        Ok(())
    }
}

/// A key, borrowed where it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Cell::deserialize(deserializer)? {
            Cell::Text(text) => Ok(Self(text)),
            _ => Err(serde::de::Error::custom("a key that is no text")),
        }
    }
}
