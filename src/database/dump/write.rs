//! LEDGER: statements on their way into a part: rows gathered into statements of about a megabyte, compressed, handed to the
//! sink in pieces. Nothing here knows where rows come from.

use bytes::{Bytes, BytesMut};
use kfp_backup::part::Part;
use zstd::stream::raw::{CParameter, Encoder, InBuffer, Operation, OutBuffer};

use super::literal::{Literal, Writing, append, identifier};
use crate::parts::{MAX_PIECE, PartError, PartWriter, Sink};

/// Bytes that a statement grows to, unless one row is larger.
pub(crate) const STATEMENT: usize = 1 << 20;
/// Bytes of a row's values from which on it is written piece by piece, in a statement of its own.
pub(crate) const LARGE_ROW: u64 = 256 * 1024;

/// What both headers set.
macro_rules! set_session {
    () => {
        "SET SESSION sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00', foreign_key_checks = 0, unique_checks = 0;\n"
    };
}

/// The first lines of a part with rows: what its statements mean must not depend on the session that reads them. The bytes of
/// literals become those of columns.
pub(crate) fn rows_header() -> &'static str {
    concat!("SET NAMES binary;\n", set_session!())
}

/// The first lines of a part with definitions, whose texts are UTF-8.
pub(crate) fn definitions_header() -> &'static str {
    concat!("SET NAMES utf8mb4;\n", set_session!())
}

/// A part that takes plain bytes.
pub(crate) struct PartStream {
    path: String,
    writer: Box<dyn PartWriter>,
    encoder: Encoder<'static>,
    out: BytesMut,
    plain: u64,
}

impl PartStream {
    /// Begins a part with its header.
    pub(crate) async fn begin(
        sink: &dyn Sink,
        path: &str,
        header: &str,
        level: i32,
    ) -> Result<Self, PartError> {
        let failed = |error: std::io::Error| compression(path, &error);
        let mut encoder = Encoder::new(level).map_err(failed)?;
        encoder
            .set_parameter(CParameter::ChecksumFlag(true))
            .map_err(failed)?;
        let mut stream = Self {
            path: path.to_owned(),
            writer: sink.begin(path).await?,
            encoder,
            out: BytesMut::zeroed(MAX_PIECE),
            plain: 0,
        };
        stream.write(header.as_bytes()).await?;
        Ok(stream)
    }

    /// Takes bytes.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), PartError> {
        self.plain = self.plain.saturating_add(bytes.len() as u64);
        // In pieces, so that other tasks get their turn between them.
        for piece in bytes.chunks(MAX_PIECE) {
            let mut read = 0;
            while read < piece.len() {
                let (taken, made) = {
                    let mut input = InBuffer::around(&piece[read..]);
                    let mut output = OutBuffer::around(&mut self.out[..]);
                    self.encoder
                        .run(&mut input, &mut output)
                        .map_err(|error| compression(&self.path, &error))?;
                    (input.pos(), output.pos())
                };
                read += taken;
                self.hand_over(made).await?;
            }
        }
        Ok(())
    }

    /// Ends the part.
    pub(crate) async fn finish(mut self) -> Result<Part, PartError> {
        loop {
            let (left, made) = {
                let mut output = OutBuffer::around(&mut self.out[..]);
                let left = self
                    .encoder
                    .finish(&mut output, true)
                    .map_err(|error| compression(&self.path, &error))?;
                (left, output.pos())
            };
            self.hand_over(made).await?;
            if left == 0 {
                return self.writer.finish(self.plain).await;
            }
        }
    }

    async fn hand_over(&mut self, made: usize) -> Result<(), PartError> {
        if made == 0 {
            return Ok(());
        }
        self.writer.write(Bytes::copy_from_slice(&self.out[..made])).await
    }
}

fn compression(path: &str, error: &std::io::Error) -> PartError {
    PartError {
        path: path.to_owned(),
        reason: "Compression",
        why: format!("it cannot be compressed: {error}"),
        retry: false,
    }
}

/// Rows of one table on their way into statements.
pub(crate) struct Inserts {
    head: Vec<u8>,
    literals: Vec<Literal>,
    statement: Vec<u8>,
    ready: Vec<u8>,
    longest: u64,
}

impl Inserts {
    /// Rows of the table of this name with these columns.
    pub(crate) fn new<'a>(table: &str, columns: impl Iterator<Item = (&'a str, Literal)>) -> Self {
        let mut head = b"INSERT INTO ".to_vec();
        identifier(&mut head, table);
        head.extend_from_slice(b" (");
        let mut literals = Vec::new();
        for (name, literal) in columns {
            if !literals.is_empty() {
                head.push(b',');
            }
            identifier(&mut head, name);
            literals.push(literal);
        }
        head.extend_from_slice(b") VALUES ");
        Self {
            head,
            literals,
            statement: Vec::new(),
            ready: Vec::new(),
            longest: 0,
        }
    }

    /// Bytes of the longest statement so far.
    pub(crate) fn longest(&self) -> u64 {
        self.longest
    }

    /// Takes a row. When it returns `true`, a statement is ready and has to be taken away first.
    pub(crate) fn add<'v>(&mut self, values: impl Iterator<Item = Option<&'v [u8]>>) -> bool {
        let before = self.statement.len();
        if before == 0 {
            self.statement.extend_from_slice(&self.head);
        } else {
            self.statement.push(b',');
        }
        for (place, (literal, value)) in self.literals.iter().zip(values).enumerate() {
            self.statement.push(if place == 0 { b'(' } else { b',' });
            append(&mut self.statement, *literal, value);
        }
        self.statement.push(b')');
        if self.statement.len() <= STATEMENT || before == 0 {
            return false;
        }
        let row = &self.statement[before + 1..];
        let mut next = std::mem::take(&mut self.ready);
        next.clear();
        next.reserve(STATEMENT + STATEMENT / 8);
        next.extend_from_slice(&self.head);
        next.extend_from_slice(row);
        self.statement.truncate(before);
        self.ready = std::mem::replace(&mut self.statement, next);
        self.end();
        true
    }

    /// The statement that is ready.
    pub(crate) fn ready(&self) -> &[u8] {
        &self.ready
    }

    /// Makes what there is ready; `false` when there is nothing.
    pub(crate) fn flush(&mut self) -> bool {
        if self.statement.is_empty() {
            return false;
        }
        self.ready.clear();
        std::mem::swap(&mut self.ready, &mut self.statement);
        self.end();
        true
    }

    fn end(&mut self) {
        // The packet that carries a statement is one byte longer, and holds no semicolon.
        self.longest = self.longest.max(self.ready.len() as u64 + 1);
        self.ready.extend_from_slice(b";\n");
    }

    /// Writes a large row as a statement of its own, piece by piece. What was added before has to be flushed.
    pub(crate) async fn write_large<'v>(
        &mut self,
        part: &mut PartStream,
        values: impl Iterator<Item = Option<&'v [u8]>>,
    ) -> Result<u64, PartError> {
        let mut out = std::mem::take(&mut self.ready);
        out.clear();
        out.extend_from_slice(&self.head);
        let mut bytes = 0_u64;
        for (place, (literal, value)) in self.literals.iter().zip(values).enumerate() {
            out.push(if place == 0 { b'(' } else { b',' });
            let mut writing = Writing::new(*literal, value);
            while writing.step(&mut out) {
                if out.len() > MAX_PIECE {
                    bytes = bytes.saturating_add(out.len() as u64);
                    part.write(&out).await?;
                    out.clear();
                }
            }
        }
        out.push(b')');
        bytes = bytes.saturating_add(out.len() as u64 + 1);
        self.longest = self.longest.max(bytes);
        out.extend_from_slice(b";\n");
        part.write(&out).await?;
        self.ready = out;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::{Inserts, STATEMENT, definitions_header, rows_header};
    use crate::bulk::SQL_MODE;
    use crate::dump::literal::Literal;

    #[test]
    fn parts_are_read_in_the_mode_in_which_they_were_written() {
        for header in [rows_header(), definitions_header()] {
            assert!(header.contains(&format!("sql_mode = '{SQL_MODE}'")), "{header}");
        }
    }

    #[test]
    fn rows_share_statements_up_to_a_megabyte() {
        let columns = [("a", Literal::Number), ("b`", Literal::Bytes)];
        let mut inserts = Inserts::new("t", columns.into_iter());
        let long = vec![b'x'; STATEMENT / 2];
        let mut sql = String::new();
        let mut take = |inserts: &Inserts| sql.push_str(std::str::from_utf8(inserts.ready()).unwrap());
        for value in [b"1".as_slice(), &long, b"2", &long, &long] {
            if inserts.add([Some(b"7".as_slice()), Some(value)].into_iter()) {
                take(&inserts);
            }
        }
        assert!(inserts.flush() && !inserts.ready().is_empty());
        take(&inserts);
        assert!(!inserts.flush());
        let lines: Vec<&str> = sql.lines().collect();
        assert_eq!(lines.len(), 3);
        for line in &lines {
            assert!(line.starts_with("INSERT INTO `t` (`a`,`b```) VALUES (7,'"));
            assert!(line.ends_with("');") && line.len() <= STATEMENT + 2);
        }
        assert_eq!(sql.matches("(7,'").count(), 5);
        assert_eq!(
            inserts.longest(),
            lines.iter().map(|line| line.len()).max().unwrap() as u64
        );
    }
}
