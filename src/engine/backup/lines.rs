//! EYES AND HANDS: compressed parts as streams of lines, on their way in and out. What a line says is understood elsewhere.

use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use kfp_backup::part::Part;
use serde::Serialize;

use super::parts::Writer;
use super::source::{Reading, SetReader};
use super::trouble::Trouble;

/// zstd's own default: a third of a core keeps up with a reader (2.16.1's run tables shrink to an eighteenth).
const LEVEL: i32 = 3;
/// Compressed bytes that are gathered before they are handed on.
const GATHER: usize = 128 * 1024;

/// A compressed part, written as a stream of plain bytes.
pub struct Lines {
    writer: Writer,
    encoder: zstd::Encoder<'static, Vec<u8>>,
    plain: u64,
}

impl Lines {
    /// A compressed stream into this part.
    pub fn new(writer: Writer) -> Result<Self, Trouble> {
        let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL).map_err(|error| compression(&error))?;
        encoder
            .include_checksum(true)
            .map_err(|error| compression(&error))?;
        Ok(Self {
            writer,
            encoder,
            plain: 0,
        })
    }

    /// Takes plain bytes.
    pub async fn bytes(&mut self, plain: &[u8]) -> Result<(), Trouble> {
        self.encoder
            .write_all(plain)
            .map_err(|error| compression(&error))?;
        self.plain += plain.len() as u64;
        if self.encoder.get_ref().len() >= GATHER {
            let gathered = std::mem::take(self.encoder.get_mut());
            self.writer.push(gathered.into()).await?;
        }
        Ok(())
    }

    /// Takes a line of JSON.
    pub async fn line(&mut self, line: &impl Serialize) -> Result<(), Trouble> {
        let mut text = serde_json::to_vec(line).map_err(|error| {
            Trouble::lasting("WriteFailed", format!("cannot write a line of JSON: {error}"))
        })?;
        text.push(b'\n');
        self.bytes(&text).await
    }

    /// Plain bytes so far.
    #[must_use]
    pub fn plain(&self) -> u64 {
        self.plain
    }

    /// Ends the part.
    pub async fn end(self) -> Result<Part, Trouble> {
        let Self {
            mut writer,
            encoder,
            plain,
        } = self;
        let rest = encoder.finish().map_err(|error| compression(&error))?;
        writer.push(rest.into()).await?;
        writer.end(plain).await
    }
}

fn compression(error: &std::io::Error) -> Trouble {
    Trouble::lasting("CompressionFailed", format!("cannot compress: {error}"))
}

/// The lines of a compressed part, one by one.
pub struct LinesIn {
    reading: Reading,
    decoder: zstd::stream::write::Decoder<'static, Shared>,
    out: Shared,
    rest: Vec<u8>,
    path: String,
    ended: bool,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl LinesIn {
    /// Begins to read a part's lines.
    pub async fn open(source: &SetReader, path: &str) -> Result<Self, Trouble> {
        let out = Shared::default();
        let decoder =
            zstd::stream::write::Decoder::new(out.clone()).map_err(|error| unpacked(path, &error))?;
        Ok(Self {
            reading: source.read(path).await?,
            decoder,
            out,
            rest: Vec::new(),
            path: path.to_owned(),
            ended: false,
        })
    }

    /// The next decompressed bytes; `None` at the end.
    pub async fn bytes(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        loop {
            let Some(piece) = self.reading.next().await? else {
                if std::mem::replace(&mut self.ended, true) {
                    return Ok(None);
                }
                self.decoder
                    .flush()
                    .map_err(|error| unpacked(&self.path, &error))?;
                let last = self.out.take();
                return Ok((!last.is_empty()).then_some(last));
            };
            if let Err(error) = self.decoder.write_all(&piece) {
                let damaged = self.reading.diagnose().await;
                return Err(damaged.unwrap_or_else(|| unpacked(&self.path, &error)));
            }
            let bytes = self.out.take();
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
    }

    /// The next line, without its end; `None` after the last.
    pub async fn line(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.rest[searched..].iter().position(|byte| *byte == b'\n') {
                let tail = self.rest.split_off(searched + at + 1);
                let mut line = std::mem::replace(&mut self.rest, tail);
                line.pop();
                return Ok(Some(line));
            }
            searched = self.rest.len();
            match self.bytes().await? {
                Some(bytes) => self.rest.extend_from_slice(&bytes),
                None if self.rest.is_empty() => return Ok(None),
                None => return Ok(Some(std::mem::take(&mut self.rest))),
            }
        }
    }

    /// The next line read as JSON.
    pub async fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<Option<T>, Trouble> {
        let Some(line) = self.line().await? else {
            return Ok(None);
        };
        serde_json::from_slice(&line).map(Some).map_err(|error| {
            // The line may hold anything, and the reader's words may repeat it.
            Trouble::lasting(
                "PartMalformed",
                format!(
                    "part {} has a line that is not what it should be (column {})",
                    self.path,
                    error.column()
                ),
            )
        })
    }
}

fn unpacked(path: &str, error: &io::Error) -> Trouble {
    Trouble::lasting(
        "PartMalformed",
        format!("part {path} cannot be decompressed: {error}"),
    )
}
