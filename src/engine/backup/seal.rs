//! HANDS: encryption to age recipients (age-encryption.org/v1, X25519) and back. It knows nothing of stores.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use age::stream::StreamWriter;
use age::x25519::{Identity, Recipient};
use bytes::Bytes;
use futures::io::{AsyncRead, AsyncReadExt as _};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use kfp_backup::hidden::Hidden;

use super::trouble::Trouble;

/// To whom something is encrypted.
#[derive(Clone)]
pub struct Recipients(Vec<Recipient>);

impl Recipients {
    /// Reads `age1…` texts; at least one.
    pub fn read(texts: &[String]) -> Result<Self, Trouble> {
        let read = |text: &String| {
            text.trim().parse::<Recipient>().map_err(|why| {
                Trouble::lasting(
                    "RecipientInvalid",
                    format!("`{text}` is no X25519 recipient of age ({why}); `age-keygen -y` writes one, it begins with age1"),
                )
            })
        };
        let recipients = texts.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if recipients.is_empty() {
            return Err(Trouble::lasting(
                "RecipientInvalid",
                "encryption is asked for and no recipient is named",
            ));
        }
        Ok(Self(recipients))
    }

    /// The recipients as texts, in an order that does not depend on how they were given.
    #[must_use]
    pub fn texts(&self) -> BTreeSet<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    /// Begins an encrypted stream.
    pub fn seal(&self) -> Result<Sealer, Trouble> {
        let failed = |why: String| Trouble::passing("EncryptionFailed", format!("cannot encrypt: {why}"));
        let encryptor = age::Encryptor::with_recipients(self.0.iter().map(|one| one as &dyn age::Recipient))
            .map_err(|error| failed(error.to_string()))?;
        let out = Shared::default();
        let writer = encryptor
            .wrap_output(out.clone())
            .map_err(|error| failed(error.to_string()))?;
        Ok(Sealer { writer, out })
    }
}

/// A stream that is being encrypted.
pub struct Sealer {
    writer: StreamWriter<Shared>,
    out: Shared,
}

impl Sealer {
    /// Takes plain bytes and gives what is encrypted so far; age works in pieces of 64 KiB.
    pub fn push(&mut self, plain: &[u8]) -> Result<Bytes, Trouble> {
        self.writer.write_all(plain).map_err(|error| broken(&error))?;
        Ok(self.out.take())
    }

    /// Ends the stream and gives the rest.
    pub fn finish(self) -> Result<Bytes, Trouble> {
        self.writer.finish().map_err(|error| broken(&error))?;
        Ok(self.out.take())
    }
}

fn broken(error: &io::Error) -> Trouble {
    Trouble::passing("EncryptionFailed", format!("cannot encrypt: {error}"))
}

/// Bytes handed on at once from an encrypted stream.
const PIECE: usize = 128 * 1024;

/// Decrypts a stream. `what` names it in messages: `part a.sql.zst.age`. An error of the stream itself comes through as it is.
pub async fn open(
    identity: Option<&Identity>,
    what: &str,
    sealed: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> io::Result<BoxStream<'static, io::Result<Bytes>>> {
    let lasting = |reason, message| io::Error::other(Trouble::lasting(reason, message));
    let identity = identity.ok_or_else(|| {
        let message =
            format!("{what} is encrypted and no key was given; name the Secret with the age identity");
        lasting("IdentityMissing", message)
    })?;
    let failed = |error: age::DecryptError| match error {
        age::DecryptError::NoMatchingKeys => lasting(
            "IdentityWrong",
            format!(
                "{what} is encrypted to others than the key given; use the key of one of the set's recipients"
            ),
        ),
        age::DecryptError::Io(error) => error,
        other => io::Error::other(other.to_string()),
    };
    let decryptor = age::Decryptor::new_async_buffered(sealed.boxed().into_async_read())
        .await
        .map_err(failed)?;
    let reader = decryptor
        .decrypt_async(std::iter::once(identity as &dyn age::Identity))
        .map_err(failed)?;
    Ok(pieces(Box::pin(reader)).boxed())
}

fn pieces(reader: Pin<Box<dyn AsyncRead + Send>>) -> impl Stream<Item = io::Result<Bytes>> + Send {
    futures::stream::try_unfold(reader, |mut reader| async move {
        let mut piece = vec![0; PIECE];
        let mut filled = 0;
        while filled < PIECE {
            match reader.read(&mut piece[filled..]).await? {
                0 => break,
                read => filled += read,
            }
        }
        piece.truncate(filled);
        Ok((filled > 0).then(|| (Bytes::from(piece), reader)))
    })
}

/// Bytes that one side writes and the other takes.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn take(&self) -> Bytes {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl Write for Shared {
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

/// Reads an identity: the line `AGE-SECRET-KEY-1…` of a key file, whose comments are passed over.
pub fn identity(text: &Hidden) -> Result<Identity, Trouble> {
    let line = text
        .reveal()
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'));
    line.and_then(|line| line.parse().ok()).ok_or_else(|| {
        Trouble::lasting(
            "IdentityInvalid",
            "the key given is no X25519 identity of age, a line that begins with AGE-SECRET-KEY-1",
        )
    })
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn what_is_sealed_in_pieces_opens_with_the_identity_of_any_recipient() {
        let identities = [Identity::generate(), Identity::generate()];
        let texts: Vec<String> = identities.iter().map(|one| one.to_public().to_string()).collect();
        let plain: Vec<u8> = (0_u32..300_000).flat_map(u32::to_le_bytes).collect();
        let mut stream = Recipients::read(&texts).unwrap().seal().unwrap();
        let mut sealed = Vec::new();
        for piece in plain.chunks(100_000) {
            sealed.extend_from_slice(&stream.push(piece).unwrap());
        }
        sealed.extend_from_slice(&stream.finish().unwrap());
        for one in &identities {
            let decryptor = age::Decryptor::new(sealed.as_slice()).unwrap();
            let mut opened = Vec::new();
            let mut reader = decryptor
                .decrypt(std::iter::once(one as &dyn age::Identity))
                .unwrap();
            io::Read::read_to_end(&mut reader, &mut opened).unwrap();
            assert!(opened == plain);
        }
    }

    #[test]
    fn an_identity_is_read_from_a_key_file_and_never_told() {
        let key = Identity::generate().to_string().expose_secret().to_owned();
        let file = format!("# created: today\n# public key: age1x\n{key}\n");
        assert!(identity(&file.into()).is_ok());
        let trouble = identity(&"AGE-SECRET-KEY-1CANARY".into()).err().unwrap();
        assert_eq!(trouble.reason, "IdentityInvalid");
        assert!(!trouble.message.contains("CANARY"));
    }

    #[test]
    fn what_is_no_recipient_is_refused() {
        for texts in [
            vec![],
            vec!["age1x".to_owned()],
            vec!["ssh-ed25519 AAAA".to_owned()],
        ] {
            assert_eq!(Recipients::read(&texts).err().unwrap().reason, "RecipientInvalid");
        }
    }
}
