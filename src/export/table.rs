//! The tables of an export: their columns, in one place for every format and for the documentation.

use std::borrow::Cow;

/// A text that is mostly one of a few.
pub type Text = Cow<'static, str>;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number of 64 bits; LSNs and ids above 2^63 appear as the negative number with the same bits.
    Number,
    /// True or false.
    Flag,
    /// Text.
    Text,
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    #[cfg_attr(not(any(feature = "parquet", feature = "devtools")), allow(dead_code))]
    pub kind: Kind,
    /// Whether it may be null.
    #[cfg_attr(not(any(feature = "parquet", feature = "devtools")), allow(dead_code))]
    pub optional: bool,
    /// What it means.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub about: &'static str,
}

/// Takes the values of a row, column by column, in order; `None`: not known, or there is none.
pub trait Put {
    /// A value of a [`Kind::Number`].
    fn number(&mut self, column: usize, value: Option<u64>);
    /// Of a [`Kind::Flag`].
    fn flag(&mut self, column: usize, value: Option<bool>);
    /// Of a [`Kind::Text`].
    fn text(&mut self, column: usize, value: Option<&Text>);
}

/// A row of a table.
pub trait Record {
    /// The table's name, and the name of its directory.
    const TABLE: &'static str;
    /// Its columns.
    const COLUMNS: &'static [Column];
    /// Put the values, in the order of the columns.
    fn values(&self, put: &mut impl Put);
}

macro_rules! records {
    ($($(#[doc = $about:literal])+ $name:ident = $table:literal {
        $($(#[doc = $column_about:literal])+ $column:ident: $kind:ident,)+
    })+) => {
        $(
            $(#[doc = $about])+
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub struct $name {
                $($(#[doc = $column_about])+ pub $column: records!(@type $kind),)+
            }
            impl Record for $name {
                const TABLE: &'static str = $table;
                const COLUMNS: &'static [Column] = &[$(Column {
                    name: stringify!($column),
                    kind: records!(@kind $kind),
                    optional: records!(@optional $kind),
                    about: concat!($($column_about),+),
                },)+];
                #[inline]
                fn values(&self, put: &mut impl Put) {
                    let mut columns = 0..;
                    $(if let Some(column) = columns.next() {
                        records!(@put $kind put, column, self.$column);
                    })+
                }
            }
        )+
        /// The tables of an export: names and columns.
        pub const TABLES: &[(&str, &[Column])] = &[$(($table, <$name as Record>::COLUMNS)),+];
    };
    (@type number) => { u64 };
    (@type maybe_number) => { Option<u64> };
    (@type flag) => { bool };
    (@type maybe_flag) => { Option<bool> };
    (@type text) => { Text };
    (@type maybe_text) => { Option<Text> };
    (@kind number) => { Kind::Number };
    (@kind maybe_number) => { Kind::Number };
    (@kind flag) => { Kind::Flag };
    (@kind maybe_flag) => { Kind::Flag };
    (@kind text) => { Kind::Text };
    (@kind maybe_text) => { Kind::Text };
    (@optional number) => { false };
    (@optional flag) => { false };
    (@optional text) => { false };
    (@optional $other:ident) => { true };
    (@put number $put:ident, $column:ident, $e:expr) => { $put.number($column, Some($e)) };
    (@put maybe_number $put:ident, $column:ident, $e:expr) => { $put.number($column, $e) };
    (@put flag $put:ident, $column:ident, $e:expr) => { $put.flag($column, Some($e)) };
    (@put maybe_flag $put:ident, $column:ident, $e:expr) => { $put.flag($column, $e) };
    (@put text $put:ident, $column:ident, $e:expr) => { $put.text($column, Some(&$e)) };
    (@put maybe_text $put:ident, $column:ident, $e:expr) => { $put.text($column, $e.as_ref()) };
}

records! {
    /// A row of the page log: a full image, a delta, or a discard record.
    Version = "versions" {
        /// The generation of the formats it was read under.
        generation: text,
        /// Table (btree) id.
        table_id: number,
        /// Page id.
        page_id: number,
        /// LSN of the row.
        lsn: number,
        /// full, delta or discard.
        kind: text,
        /// Flags of the row.
        flags: number,
        /// LSN of the block it follows.
        backlink_lsn: number,
        /// LSN of the full image it stands on; 0 for a full image.
        base_lsn: number,
        /// Stored bytes.
        bytes: number,
        /// Whether its bytes could be read; true for discard records, which have none.
        readable: flag,
        /// Checksum in the block's header.
        checksum: maybe_number,
        /// The checksum that its bytes add up to.
        checksum_computed: maybe_number,
        /// Whether the two are one.
        checksum_ok: maybe_flag,
        /// A single flipped bit explains a wrong checksum; what is said of the block is read with it put right.
        checksum_repaired: flag,
        /// Checksum of the block before, as the header has it.
        previous_checksum: maybe_number,
        /// The checksum is right, the headers hold, and the stream of a compressed leaf unpacks; null for what is no page.
        usable: maybe_flag,
        /// Write generation.
        write_gen: maybe_number,
        /// Page type.
        page_type: maybe_text,
        /// LSN of the first block of the chain that ends with this row: its full image, or what is left.
        chain_base_lsn: number,
        /// Blocks of the chain.
        chain_blocks: number,
        /// Stored bytes of the chain.
        chain_bytes: number,
        /// The chain breaks a link rule, or a discard record lies in it.
        chain_broken: flag,
        /// Addresses in this version of an internal page, deltas merged; null for other pages.
        children: maybe_number,
        /// They are all that the page has: each block of the chain is sound, apart from what `checksum_ok`
        /// says of the newest one; null for other pages.
        children_ok: maybe_flag,
    }
    /// An address in a version of a page: of a child, or of an overflow item.
    Edge = "edges" {
        /// The generation of the formats it was read under.
        generation: text,
        /// Table (btree) id.
        table_id: number,
        /// Page id of the page that holds the address.
        parent_page_id: number,
        /// LSN of its version.
        parent_lsn: number,
        /// Position among the page's addresses, from 0, in key order.
        position: number,
        /// Kind of the cell: addr-internal, addr-leaf, addr-leaf-no-overflow, addr-deleted, key-overflow or
        /// value-overflow.
        cell_type: text,
        /// Page id in the cookie; null for a cookie that cannot be decoded.
        child_page_id: maybe_number,
        /// LSN in the cookie; 0 in layouts without.
        child_lsn: maybe_number,
        /// LSN of the full image; 0 if the newest block is one, or the layout does not say.
        child_base_lsn: maybe_number,
        /// Whether the cookie says that the newest block is a delta; null where the layout does not say.
        child_is_delta: maybe_flag,
        /// Size in the cookie, in bytes.
        cookie_size: maybe_number,
        /// Checksum in the cookie.
        cookie_checksum: maybe_number,
    }
    /// A tree of a checkpoint, for each checkpoint whose completion record can be used.
    Root = "roots" {
        /// The generation of the formats it was read under.
        generation: text,
        /// LSN of the completion record.
        completion_lsn: number,
        /// Position in the checkpoint's list of trees, the shared metadata last.
        position: number,
        /// `file:` URI.
        uri: text,
        /// Table (btree) id.
        table_id: number,
        /// False for a tree whose table an earlier tree of the list has: it cannot be walked apart.
        walked: flag,
        /// The export has its pages: false for a tree that `--table` left out.
        exported: flag,
        /// Name of the checkpoint entry.
        checkpoint: maybe_text,
        /// Root cookie, hexadecimal; empty for an empty checkpoint.
        root_cookie: text,
        /// There is a root cookie, and it cannot be decoded.
        root_unreadable: flag,
        /// Page id in the root cookie; null for an empty checkpoint.
        root_page_id: maybe_number,
        /// LSN in it: the tree's frontier.
        frontier: maybe_number,
        /// LSN of the root's full image; 0 if its newest block is one, or the layout does not say.
        root_base_lsn: maybe_number,
        /// Whether the root's newest block is a delta; null where the layout does not say.
        root_is_delta: maybe_flag,
        /// Size in the root cookie.
        root_size: maybe_number,
        /// Checksum in the root cookie.
        root_checksum: maybe_number,
        /// `size=` of the checkpoint entry; null if there is no entry.
        published_size: maybe_number,
        /// The next page id the tree would hand out, where its entry says.
        next_page_id: maybe_number,
        /// Rows of the table may be missing, as a file of the store is damaged or absent.
        partial: flag,
    }
    /// A key page of the key provider; never its payload.
    KeyPage = "keystore" {
        /// The generation of the formats it was read under.
        generation: text,
        /// Page id.
        page_id: number,
        /// LSN.
        lsn: number,
        /// Header version.
        version: maybe_number,
        /// Stored bytes, header included.
        bytes: number,
        /// Bytes of the payload.
        payload_bytes: maybe_number,
        /// Key timestamp, hexadecimal.
        timestamp: maybe_text,
        /// The header's checksum, hexadecimal.
        checksum: maybe_text,
        /// Whether the header rules hold.
        valid: flag,
    }
    /// A completion record.
    Completion = "completions" {
        /// The generation of the formats it was read under.
        generation: text,
        /// LSN of the record.
        lsn: number,
        /// Timestamp the page log keeps with it, hexadecimal.
        row_timestamp: text,
        /// The record, its turtle page and the root cookie of the shared metadata can be used.
        usable: flag,
        /// It is the newest usable one: what `wtcheck audit` stands on.
        audited: flag,
        /// LSN of its turtle page.
        metadata_lsn: maybe_number,
        /// Table of the turtle page.
        turtle_table_id: maybe_number,
        /// Writer version.
        version: maybe_number,
        /// Minimum reader version.
        compatible_version: maybe_number,
        /// Published size of the database.
        database_size: maybe_number,
        /// Name of the newest entry of the shared metadata's checkpoint list.
        checkpoint: maybe_text,
        /// Checkpoint timestamp, hexadecimal.
        timestamp: maybe_text,
        /// Page id of the key page it embeds.
        keystore_page_id: maybe_number,
        /// LSN of the key page it embeds.
        keystore_lsn: maybe_number,
        /// Every page of the shared metadata could be read.
        metadata_complete: flag,
        /// Every row of the shared metadata could be parsed.
        metadata_readable: flag,
        /// Builds of this generation keep sizes.
        keeps_sizes: flag,
        /// Builds of this generation write discard records.
        discards_pages: flag,
    }
}
