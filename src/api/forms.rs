//! The forms an answer can have, chosen by `Accept`, and how rows become each of them: as a stream, in memory that does not grow with them.

use std::io::Write;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::csv::writer::Writer as CsvWriter;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::writer::StreamWriter;
use arrow::json::LineDelimitedWriter;
use arrow::json::writer::make_encoder;
use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use super::problem::Problem;
use crate::error::{Error, Result};
use crate::lake::{ReportWriter, report_writer};

/// A caller that takes no byte for so long is given up.
const STALLED: Duration = Duration::from_secs(60);
/// Pieces of an answer that wait for the caller.
const AHEAD: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A page, or a whole report.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// With a header line; lists within a field are JSON.
    Csv,
    /// The stream form of Arrow IPC.
    Arrow,
    Parquet,
}

impl Form {
    /// The forms of tables, the one for a caller who does not say first.
    pub const TABLES: [Self; 5] = [Self::Json, Self::Csv, Self::Ndjson, Self::Arrow, Self::Parquet];

    fn media_type(self) -> (&'static str, &'static str) {
        match self {
            Self::Json => ("application", "json"),
            Self::Ndjson => ("application", "x-ndjson"),
            Self::Csv => ("text", "csv"),
            Self::Arrow => ("application", "vnd.apache.arrow.stream"),
            Self::Parquet => ("application", "vnd.apache.parquet"),
        }
    }

    pub fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Arrow => "application/vnd.apache.arrow.stream",
            Self::Parquet => "application/vnd.apache.parquet",
        })
    }

    /// The one of these forms that the caller likes best, the first of equals.
    pub fn wanted(headers: &HeaderMap, offered: &[Self]) -> Result<Self, Problem> {
        let accept: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|accept| accept.to_str().ok()).collect();
        let accept = if accept.is_empty() { "*/*".to_owned() } else { accept.join(",") };
        let mut best: Option<(Self, f32)> = None;
        for &form in offered {
            let (kind, subtype) = form.media_type();
            let quality = liking(&accept, kind, subtype);
            if quality > best.map_or(0.0, |(_, quality)| quality) {
                best = Some((form, quality));
            }
        }
        best.map(|(form, _)| form).ok_or_else(|| {
            let names: Vec<String> = offered
                .iter()
                .map(|form| form.media_type())
                .map(|(kind, subtype)| format!("{kind}/{subtype}"))
                .collect();
            let detail = format!("Accept: {accept}; there are {}", names.join(", "));
            Problem::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", detail)
        })
    }
}

/// The quality that an `Accept` header gives to a media type (RFC 9110, 12.5.1): that of the most specific range that covers it.
fn liking(accept: &str, kind: &str, subtype: &str) -> f32 {
    let ranges = accept.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let (a, b) = parts.next()?.split_once('/')?;
        let specific = match (a, b) {
            ("*", "*") => 0,
            (a, "*") if a.eq_ignore_ascii_case(kind) => 1,
            (a, b) if a.eq_ignore_ascii_case(kind) && b.eq_ignore_ascii_case(subtype) => 2,
            _ => return None,
        };
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse::<f32>().ok())?;
        Some((specific, quality))
    });
    ranges.max_by_key(|(specific, _)| *specific).map_or(0.0, |(_, quality)| quality)
}

/// Sends rows in a form that is not [`Form::Json`], as they come; `place` is held until the last of them is sent. An error after the first
/// byte breaks the answer off, so that the caller does not take a part for the whole.
pub fn stream(
    form: Form,
    schema: SchemaRef,
    batches: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
    place: OwnedSemaphorePermit,
) -> Result<Response> {
    let encoder = Encoder::new(form, &schema)?;
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        let _place = place;
        if let Err(error) = send(encoder, batches, &sender).await {
            tracing::warn!(%error, "an answer broke off");
            let _ = tokio::time::timeout(STALLED, sender.send(Err(std::io::Error::other(error.to_string())))).await;
        }
    });
    let mut response = Body::from_stream(ReceiverStream::new(receiver)).into_response();
    response.headers_mut().insert(CONTENT_TYPE, form.content_type());
    response.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

type Piece = std::io::Result<Bytes>;

async fn send(
    mut encoder: Encoder,
    batches: impl Stream<Item = Result<RecordBatch>>,
    sender: &mpsc::Sender<Piece>,
) -> Result<()> {
    tokio::pin!(batches);
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        let encoded = tokio::task::spawn_blocking(move || encoder.write(&batch).map(|piece| (encoder, piece)));
        let piece;
        (encoder, piece) = encoded.await.map_err(Error::internal)??;
        if !hand_over(sender, piece).await {
            return Ok(());
        }
    }
    let last = tokio::task::spawn_blocking(move || encoder.finish()).await.map_err(Error::internal)??;
    hand_over(sender, last).await;
    Ok(())
}

/// False when the caller has gone, or takes nothing any more.
async fn hand_over(sender: &mpsc::Sender<Piece>, piece: Vec<u8>) -> bool {
    piece.is_empty() || matches!(tokio::time::timeout(STALLED, sender.send(Ok(Bytes::from(piece)))).await, Ok(Ok(())))
}

/// What an encoder has written and nobody has taken yet.
#[derive(Debug, Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self) -> Vec<u8> {
        mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Encoder {
    written: Written,
    writer: Writer,
}

enum Writer {
    Csv(CsvWriter<Written>),
    Ndjson(LineDelimitedWriter<Written>),
    Arrow(StreamWriter<Written>),
    Parquet(ReportWriter<Written>),
}

impl Encoder {
    fn new(form: Form, schema: &SchemaRef) -> Result<Self> {
        let written = Written::default();
        let to = written.clone();
        let writer = match form {
            Form::Csv => {
                let mut writer = CsvWriter::new(to);
                // The header line stands even where no row follows.
                writer.write(&flat(&RecordBatch::new_empty(schema.clone()))?).map_err(Error::internal)?;
                Writer::Csv(writer)
            }
            Form::Json | Form::Ndjson => {
                Writer::Ndjson(arrow::json::WriterBuilder::new().with_explicit_nulls(true).build(to))
            }
            Form::Arrow => Writer::Arrow(StreamWriter::try_new(to, schema).map_err(Error::internal)?),
            Form::Parquet => Writer::Parquet(report_writer(to, schema.clone())?),
        };
        Ok(Self { written, writer })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        match &mut self.writer {
            Writer::Csv(writer) => writer.write(&flat(batch)?).map_err(Error::internal)?,
            Writer::Ndjson(writer) => writer.write(batch).map_err(Error::internal)?,
            Writer::Arrow(writer) => writer.write(batch).map_err(Error::internal)?,
            Writer::Parquet(writer) => writer.write(batch).map_err(Error::internal)?,
        }
        Ok(self.written.take())
    }

    fn finish(self) -> Result<Vec<u8>> {
        match self.writer {
            Writer::Csv(writer) => drop(writer),
            Writer::Ndjson(mut writer) => writer.finish().map_err(Error::internal)?,
            Writer::Arrow(mut writer) => writer.finish().map_err(Error::internal)?,
            Writer::Parquet(writer) => writer.close().map(drop).map_err(Error::internal)?,
        }
        Ok(self.written.take())
    }
}

/// The batch with lists as JSON texts: CSV has no lists.
fn flat(batch: &RecordBatch) -> Result<RecordBatch> {
    let (mut fields, mut columns): (Vec<Field>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if field.data_type().is_nested() {
            fields.push(Field::new(field.name(), DataType::Utf8, true));
            columns.push(Arc::new(as_json(&Arc::new(field.as_ref().clone()), column)?));
        } else {
            fields.push(field.as_ref().clone());
            columns.push(column.clone());
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(Error::internal)
}

fn as_json(field: &Arc<Field>, column: &ArrayRef) -> Result<StringArray> {
    let options = arrow::json::EncoderOptions::default();
    let mut encoder = make_encoder(field, column.as_ref(), &options).map_err(Error::internal)?;
    let texts = (0..column.len()).map(|row| {
        column.is_valid(row).then(|| {
            let mut text = Vec::new();
            encoder.encode(row, &mut text);
            String::from_utf8_lossy(&text).into_owned()
        })
    });
    Ok(texts.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(accept: &str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT, HeaderValue::from_str(accept).unwrap())])
    }

    #[test]
    fn the_best_liked_form_is_given() {
        assert_eq!(Form::wanted(&HeaderMap::new(), &Form::TABLES).unwrap(), Form::Json);
        for (accept, form) in [
            ("*/*", Form::Json),
            ("application/*", Form::Json),
            ("text/csv", Form::Csv),
            ("text/*", Form::Csv),
            ("application/json, text/csv;q=0.9", Form::Json),
            ("application/json;q=0.5, text/csv", Form::Csv),
            ("text/csv;q=0, */*", Form::Json),
            ("application/json;q=0, */*;q=0.1", Form::Csv),
            ("application/x-ndjson", Form::Ndjson),
            ("application/vnd.apache.arrow.stream, application/json;q=0.5", Form::Arrow),
            ("APPLICATION/VND.APACHE.PARQUET", Form::Parquet),
        ] {
            assert_eq!(Form::wanted(&accepting(accept), &Form::TABLES).unwrap(), form, "{accept}");
        }
        assert!(Form::wanted(&accepting("image/png"), &Form::TABLES).is_err());
        assert!(Form::wanted(&accepting("text/csv"), &[Form::Json]).is_err());
    }
}
