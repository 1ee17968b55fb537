//! The types of cells: number, name and words of each, in one table.

/// Cell kinds; short and long forms of a kind are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CellKind {
    /// Type 0: address of a fast-truncated child.
    AddrDeleted,
    /// Type 1: address of an internal page.
    AddrInternal,
    /// Type 2: address of a leaf page.
    AddrLeaf,
    /// Type 3: address of a leaf page without overflow items.
    AddrLeafNoOverflow,
    /// Type 4: deleted value of a column store.
    Deleted,
    /// Key: short, type 5, or with prefix (type 7).
    Key,
    /// Type 6: overflow key.
    KeyOverflow,
    /// Value: short or type 8.
    Value,
    /// Type 9: copy of an earlier value on the page.
    ValueCopy,
    /// Type 10: overflow value.
    ValueOverflow,
    /// Type 11: overflow value already removed.
    ValueOverflowRemoved,
    /// Type 12: overflow key already removed.
    KeyOverflowRemoved,
    /// Type 13: child removed, internal deltas only.
    AddrGone,
}

/// Type number of a key with a prefix; the kind is that of other keys.
pub const KEY_WITH_PREFIX: u8 = 7;

impl CellKind {
    /// Type number of the long form, name in reports, and words.
    const fn of(self) -> (u8, &'static str, &'static str) {
        match self {
            Self::AddrDeleted => (0, "address-deleted", "address of a deleted child"),
            Self::AddrInternal => (1, "address-internal", "address of an internal page"),
            Self::AddrLeaf => (2, "address-leaf", "address of a leaf page"),
            Self::AddrLeafNoOverflow => {
                (3, "address-leaf-no-overflow", "address of a leaf page without overflow items")
            }
            Self::Deleted => (4, "deleted", "deleted value"),
            Self::Key => (5, "key", "key"),
            Self::KeyOverflow => (6, "key-overflow", "overflow key"),
            Self::Value => (8, "value", "value"),
            Self::ValueCopy => (9, "value-copy", "value copy"),
            Self::ValueOverflow => (10, "value-overflow", "overflow value"),
            Self::ValueOverflowRemoved => (11, "value-overflow-removed", "removed overflow value"),
            Self::KeyOverflowRemoved => (12, "key-overflow-removed", "removed overflow key"),
            Self::AddrGone => (13, "address-gone", "address that only deltas hold"),
        }
    }

    /// From the type number of the long form.
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::AddrDeleted,
            1 => Self::AddrInternal,
            2 => Self::AddrLeaf,
            3 => Self::AddrLeafNoOverflow,
            4 => Self::Deleted,
            5 | KEY_WITH_PREFIX => Self::Key,
            6 => Self::KeyOverflow,
            8 => Self::Value,
            9 => Self::ValueCopy,
            10 => Self::ValueOverflow,
            11 => Self::ValueOverflowRemoved,
            12 => Self::KeyOverflowRemoved,
            13 => Self::AddrGone,
            _ => return None,
        })
    }

    /// The type number of the long form.
    pub const fn number(self) -> u8 {
        self.of().0
    }

    /// The first byte of a cell of this kind in long form, without the bits that announce more.
    pub const fn byte(self) -> u8 {
        self.number() << 4
    }

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        self.of().1
    }

    /// In words.
    pub const fn title(self) -> &'static str {
        self.of().2
    }

    /// Key cells of any form.
    pub fn is_key(self) -> bool {
        matches!(self, Self::Key | Self::KeyOverflow | Self::KeyOverflowRemoved)
    }

    /// Value cells of any form, deleted column values included.
    pub fn is_value(self) -> bool {
        matches!(self, Self::Value | Self::ValueCopy | Self::ValueOverflow | Self::ValueOverflowRemoved | Self::Deleted)
    }

    /// Address cells, type 13 included.
    pub fn is_addr(self) -> bool {
        matches!(
            self,
            Self::AddrDeleted | Self::AddrInternal | Self::AddrLeaf | Self::AddrLeafNoOverflow | Self::AddrGone
        )
    }
}
