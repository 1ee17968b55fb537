//! Compressed blocks of the four compressors.
//!
//! The first 64 bytes of a block are never compressed; the page header in them states the size of
//! the whole plain image. Behind them stands the compressor's own framing.

use super::reader::Reader;
use super::{FormatError, Result};

/// Bytes at the head of a block that stay as they are.
pub const VERBATIM: usize = 64;

/// Largest plain image that is decompressed. The engine's own scans take blocks above 512 MiB for
/// damage, and no tree page comes near it; without a limit one damaged size field makes
/// the reader allocate 4 GiB.
pub const MAX_MEM_SIZE: u32 = 512 << 20;

/// Where the page header states the plain size.
pub const MEM_SIZE_AT: usize = 16;
/// The first bytes of a zstd frame.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The deflate format cannot do better than 1032 to 1.
const DEFLATE_MAX_RATIO: usize = 1032;
/// One byte of an LZ4 block stands for 255 at most.
const LZ4_MAX_RATIO: usize = 255;
/// Compression levels are a matter of size, not of format; these are the libraries' usual ones.
const ZSTD_LEVEL: i32 = 3;

/// Compressors the engine ships with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compressor {
    /// Snappy, with a stream length in front.
    Snappy,
    /// A bare zlib stream.
    Zlib,
    /// A zstd frame, with a stream length in front.
    Zstd,
    /// An LZ4 block behind four lengths.
    Lz4,
}

impl Compressor {
    /// The compressor of a `block_compressor=` value. `None` for no compression, and for names
    /// this reader does not know.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "snappy" => Some(Self::Snappy),
            "zlib" => Some(Self::Zlib),
            "zstd" => Some(Self::Zstd),
            "lz4" => Some(Self::Lz4),
            _ => None,
        }
    }

    /// The engine's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Snappy => "snappy",
            Self::Zlib => "zlib",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
        }
    }
}

/// Decompress a stored block to exactly `mem_size` bytes. Bytes behind the stream are padding.
pub fn decompress(c: Compressor, image: &[u8], mem_size: u32) -> Result<Vec<u8>> {
    let error = |what: String| FormatError::io(format!("{} block: {what}", c.name()));
    if mem_size > MAX_MEM_SIZE {
        return Err(error(format!("plain size {mem_size} is above the limit of {MAX_MEM_SIZE} bytes")));
    }
    let size = usize::try_from(mem_size).map_err(|e| error(e.to_string()))?;
    let (head, framed) =
        image.split_at_checked(VERBATIM).ok_or_else(|| error(format!("only {} bytes", image.len())))?;
    let want = size.checked_sub(VERBATIM).ok_or_else(|| error(format!("plain size {mem_size} is below {VERBATIM}")))?;
    let (stream, plain) = unframe(c, framed, want).map_err(|e| e.within(c.name()))?;
    let whole = plain.checked_add(VERBATIM).ok_or_else(|| error(format!("plain size {plain}")))?;

    // Reserved before it is filled, so that a plausible but huge size ends in an error and not in an abort.
    let mut out = Vec::new();
    out.try_reserve_exact(whole).map_err(|e| error(e.to_string()))?;
    out.extend_from_slice(head);
    out.resize(whole, 0);
    let body = out.get_mut(VERBATIM..).unwrap_or_default();
    let done = match c {
        Compressor::Snappy => snap::raw::Decoder::new().decompress(stream, body).map_err(|e| error(e.to_string()))?,
        Compressor::Zlib => inflate(stream, body).map_err(error)?,
        Compressor::Zstd => zstd::bulk::decompress_to_buffer(stream, body).map_err(|e| error(e.to_string()))?,
        Compressor::Lz4 => lz4_flex::block::decompress_into(stream, body).map_err(|e| error(e.to_string()))?,
    };
    if done != plain {
        return Err(error(format!("stream holds {done} bytes, {plain} wanted")));
    }
    out.truncate(size);
    Ok(out)
}

/// Compress a plain image into the engine's framing, without padding and without touching the
/// header flags.
///
/// An image the framing cannot hold (under 64 bytes, or refused by the library) comes back as it is.
pub fn compress(c: Compressor, plain: &[u8]) -> Vec<u8> {
    framed(c, plain).unwrap_or_else(|| plain.to_vec())
}

/// Guess the compressor of a compressed block from its framing and the plain size in its page
/// header. Only sensible for a block whose header says that it is compressed. An image that ends with
/// its headers has nothing to tell framings apart by.
pub fn detect(image: &[u8]) -> Option<Compressor> {
    let mem_size = Reader::at(image, MEM_SIZE_AT).and_then(|mut r| r.u32le()).ok()?;
    let want = usize::try_from(mem_size).ok()?.checked_sub(VERBATIM).filter(|n| *n > 0)?;
    let framed = image.get(VERBATIM..)?;
    // The stream length of one framing reads as absurd in the others; zlib has no length and comes last.
    [Compressor::Zstd, Compressor::Lz4, Compressor::Snappy, Compressor::Zlib]
        .into_iter()
        .find(|c| unframe(*c, framed, want).is_ok_and(|(s, _)| *c != Compressor::Zstd || s.starts_with(&ZSTD_MAGIC)))
}

/// The compressed stream and the plain bytes in it, by the framing alone, with every stated length checked
/// against the `want` plain bytes of the page before anything is allocated.
fn unframe(c: Compressor, framed: &[u8], want: usize) -> Result<(&[u8], usize)> {
    let mut r = Reader::new(framed);
    match c {
        Compressor::Snappy => {
            let stream = prefixed(&mut r)?;
            match snap::raw::decompress_len(stream) {
                Ok(n) if n == want => Ok((stream, want)),
                Ok(n) => Err(FormatError::io(format!("stream states {n} plain bytes, {want} wanted"))),
                Err(e) => Err(FormatError::io(e.to_string())),
            }
        }
        Compressor::Zstd => {
            let stream = prefixed(&mut r)?;
            match zstd::zstd_safe::get_frame_content_size(stream) {
                Ok(Some(n)) if usize::try_from(n) != Ok(want) => {
                    Err(FormatError::io(format!("frame states {n} plain bytes, {want} wanted")))
                }
                Ok(_) => Ok((stream, want)),
                Err(_) => Err(FormatError::io("not a zstd frame")),
            }
        }
        Compressor::Zlib => {
            let [cmf, flg] = Reader::new(framed).array().map_err(short)?;
            // RFC 1950: method 8, window up to 32 KiB, check bits.
            if cmf & 0x0f != 8 || cmf >> 4 > 7 || u16::from_be_bytes([cmf, flg]) % 31 != 0 {
                return Err(FormatError::io("not a zlib header"));
            }
            if want / DEFLATE_MAX_RATIO > framed.len() {
                return Err(FormatError::io(format!("{} bytes cannot hold {want} plain bytes", framed.len())));
            }
            Ok((framed, want))
        }
        Compressor::Lz4 => {
            let compressed = r.u32le().map_err(short)?;
            let (uncompressed, useful) = (r.u32le().map_err(short)?, r.u32le().map_err(short)?);
            r.u32le().map_err(short)?;
            // Up to 2.9 a stream may hold more than the page: what is behind its end is left out.
            if usize::try_from(useful) != Ok(want) || uncompressed < useful {
                return Err(FormatError::io(format!(
                    "prefix states {uncompressed} plain bytes ({useful} useful), {want} wanted"
                )));
            }
            let n = usize::try_from(compressed).map_err(|e| FormatError::io(e.to_string()))?;
            let stream = r.take(n).map_err(short)?;
            if usize::try_from(uncompressed).is_ok_and(|u| u / LZ4_MAX_RATIO > n) {
                return Err(FormatError::io(format!("{n} bytes cannot hold {uncompressed} plain bytes")));
            }
            Ok((stream, usize::try_from(uncompressed).unwrap_or(want)))
        }
    }
}

/// A u64le length and that many bytes.
fn prefixed<'a>(r: &mut Reader<'a>) -> Result<&'a [u8]> {
    let n = r.u64le().map_err(short)?;
    let n = usize::try_from(n).map_err(|_| FormatError::io(format!("stream length {n}")))?;
    r.take(n).map_err(short)
}

/// A length that points behind the block is damage, not another format.
fn short(e: FormatError) -> FormatError {
    FormatError::io(e.message)
}

/// Inflate a whole stream into `out`; the number of bytes written.
fn inflate(stream: &[u8], out: &mut [u8]) -> std::result::Result<usize, String> {
    let mut z = flate2::Decompress::new(true);
    let status = z.decompress(stream, out, flate2::FlushDecompress::Finish).map_err(|e| e.to_string())?;
    if status != flate2::Status::StreamEnd {
        return Err("the stream does not end where the plain image does".to_owned());
    }
    usize::try_from(z.total_out()).map_err(|e| e.to_string())
}

fn framed(c: Compressor, plain: &[u8]) -> Option<Vec<u8>> {
    let (head, body) = plain.split_at_checked(VERBATIM)?;
    let length = u64::try_from(body.len()).ok()?;
    let mut out = head.to_vec();
    let prefixed = |out: &mut Vec<u8>, stream: &[u8]| {
        out.extend_from_slice(&u64::try_from(stream.len()).unwrap_or(u64::MAX).to_le_bytes());
        out.extend_from_slice(stream);
    };
    match c {
        Compressor::Snappy => prefixed(&mut out, &snap::raw::Encoder::new().compress_vec(body).ok()?),
        Compressor::Zstd => prefixed(&mut out, &zstd::bulk::compress(body, ZSTD_LEVEL).ok()?),
        Compressor::Zlib => {
            let mut encoder = flate2::write::ZlibEncoder::new(out, flate2::Compression::default());
            std::io::Write::write_all(&mut encoder, body).ok()?;
            out = encoder.finish().ok()?;
        }
        Compressor::Lz4 => {
            let length = u32::try_from(length).ok()?;
            let stream = lz4_flex::block::compress(body);
            for n in [u32::try_from(stream.len()).ok()?, length, length, 0] {
                out.extend_from_slice(&n.to_le_bytes());
            }
            out.extend_from_slice(&stream);
        }
    }
    Some(out)
}
