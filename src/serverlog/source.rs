//! The bytes of a server log as UTF-8: unpacked, and out of UTF-16 where they are that. Piece by piece; a
//! stream that is cut gives what it has.

use std::io::{self, BufRead, BufReader, Chain, Cursor, ErrorKind, Read};

/// Bytes that are looked at to tell the form.
const HEAD: usize = 4096;
/// Largest window of a zstd frame, as a power of two.
const WINDOW_LOG: u32 = 27;
/// Most memory for the dictionary of xz, in KiB.
const XZ_KIB: u32 = 128 << 10;
const PIECE: usize = 1 << 16;

/// How a server log is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Packing {
    Plain,
    Gzip,
    Xz,
    Bzip2,
    Zstd,
}

/// How its text is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub enum Encoding {
    /// UTF-8, or bytes of an older code page.
    #[serde(rename = "utf-8")]
    Utf8,
    /// Two bytes a character, the low one first.
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// Two bytes a character, the high one first.
    #[serde(rename = "utf-16be")]
    Utf16Be,
}

type Unpacked<'r> = Chain<Cursor<Vec<u8>>, Box<dyn Read + 'r>>;

/// A server log as text.
pub struct Source<'r> {
    bytes: Unpacked<'r>,
    pub packing: Packing,
    pub encoding: Encoding,
    /// The packed stream ends before its end, or does not go on as it should.
    pub cut: bool,
    /// What came out of it already.
    read: u64,
    /// Of UTF-16: the odd byte, and the first half of a pair.
    odd: Option<u8>,
    high: Option<u16>,
    piece: Vec<u8>,
}

impl std::fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Source {{ {:?}, {:?}, cut: {} }}", self.packing, self.encoding, self.cut)
    }
}

/// Read a little, also where it comes in small pieces.
fn head(source: &mut dyn Read, most: usize) -> (Vec<u8>, Option<io::Error>) {
    let mut out = vec![0; most];
    let mut len = 0;
    let mut failed = None;
    while let Some(rest) = out.get_mut(len..).filter(|r| !r.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(n) => len = len.saturating_add(n),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => {
                failed = Some(e);
                break;
            }
        }
    }
    out.truncate(len);
    (out, failed)
}

/// How the beginning of a file says it is packed.
pub fn packing(head: &[u8]) -> Packing {
    match head {
        [0x1f, 0x8b, 8, ..] => Packing::Gzip,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Packing::Xz,
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] => Packing::Bzip2,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Zstd,
        _ => Packing::Plain,
    }
}

/// How a text is coded: a byte-order mark, or every second byte is zero.
pub fn encoding(head: &[u8]) -> Encoding {
    match head {
        [0xff, 0xfe, ..] => return Encoding::Utf16Le,
        [0xfe, 0xff, ..] => return Encoding::Utf16Be,
        _ => {}
    }
    let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|b| **b == 0).count();
    let (even, odd, half) = (zeros(0), zeros(1), head.len() / 2);
    let most = |n: usize| n.saturating_mul(10) > half.saturating_mul(7);
    let few = |n: usize| n.saturating_mul(10) < half.saturating_mul(2);
    match () {
        () if half < 4 => Encoding::Utf8,
        () if most(odd) && few(even) => Encoding::Utf16Le,
        () if most(even) && few(odd) => Encoding::Utf16Be,
        () => Encoding::Utf8,
    }
}

/// A decoder for a packing, over a source that is plain.
fn unpack<'r>(packing: Packing, source: impl BufRead + 'r) -> io::Result<Box<dyn Read + 'r>> {
    Ok(match packing {
        Packing::Plain => Box::new(source),
        Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(source)),
        Packing::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(source, true, XZ_KIB)),
        Packing::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(source)),
        Packing::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(source)?;
            decoder.window_log_max(WINDOW_LOG)?;
            Box::new(decoder)
        }
    })
}

impl<'r> Source<'r> {
    /// Look at the beginning of a log.
    ///
    /// # Errors
    ///
    /// The source cannot be read.
    pub fn new(mut source: Box<dyn Read + 'r>) -> io::Result<Self> {
        let (first, failed) = head(&mut *source, HEAD);
        if let Some(e) = failed {
            return Err(e);
        }
        let packing = packing(&first);
        let whole = Cursor::new(first).chain(source);
        let mut bytes = unpack(packing, BufReader::with_capacity(PIECE, whole))?;
        let (mut first, mut failed) = head(&mut *bytes, HEAD);
        // Packed once more: a log that was rotated, then attached.
        let again = self::packing(&first);
        if packing != Packing::Plain && again != Packing::Plain {
            let whole = Cursor::new(std::mem::take(&mut first)).chain(bytes);
            bytes = unpack(again, BufReader::with_capacity(PIECE, whole))?;
            (first, failed) = head(&mut *bytes, HEAD);
        }
        let cut = failed.is_some();
        if let Some(e) = failed.filter(|_| packing == Packing::Plain) {
            return Err(e);
        }
        let encoding = encoding(&first);
        Ok(Self {
            read: 0,
            bytes: Cursor::new(first).chain(bytes),
            packing,
            encoding,
            cut,
            odd: None,
            high: None,
            piece: vec![0; PIECE],
        })
    }

    /// The next text, nothing at the end.
    ///
    /// # Errors
    ///
    /// The source cannot be read. A packed stream that is cut or damaged is no error: it ends, and
    /// [`Source::cut`] says so.
    pub fn take(&mut self) -> io::Result<Option<Vec<u8>>> {
        let n = loop {
            match self.bytes.read(&mut self.piece) {
                Ok(n) => break n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if self.packing == Packing::Plain => return Err(e),
                Err(_) => {
                    self.cut = true;
                    break 0;
                }
            }
        };
        if n == 0 {
            return Ok(None);
        }
        self.read = self.read.saturating_add(n as u64);
        let piece = self.piece.get(..n).unwrap_or_default();
        let order: fn([u8; 2]) -> u16 = match self.encoding {
            Encoding::Utf8 => return Ok(Some(piece.to_vec())),
            Encoding::Utf16Le => u16::from_le_bytes,
            Encoding::Utf16Be => u16::from_be_bytes,
        };
        let mut out = String::with_capacity(n);
        for b in piece {
            let Some(first) = self.odd.take() else {
                self.odd = Some(*b);
                continue;
            };
            let unit = order([first, *b]);
            let units = self.high.take().into_iter().chain([unit]);
            for c in char::decode_utf16(units) {
                match c {
                    Ok(c) => out.push(c),
                    // The second half is in the next piece, or nowhere.
                    Err(e) if (0xd800..0xdc00).contains(&e.unpaired_surrogate()) => {
                        self.high = Some(e.unpaired_surrogate());
                    }
                    Err(_) => out.push(char::REPLACEMENT_CHARACTER),
                }
            }
        }
        Ok(Some(out.into_bytes()))
    }

    /// Unpacked bytes so far.
    pub fn read(&self) -> u64 {
        self.read
    }
}
