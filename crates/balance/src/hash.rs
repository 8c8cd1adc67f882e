//! Hashes that are the same on every machine, in every build and for ever: sticky choices go by them.

/// FNV-1a, 64 bits, finished by [`mix`], which its high bits need.
pub(crate) const fn of(bytes: &[u8]) -> u64 {
    mix(extend(0xcbf2_9ce4_8422_2325, bytes))
}

/// FNV-1a over further bytes.
pub(crate) const fn extend(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}

/// The finalizer of `SplitMix64` (Steele, Lea, Flood 2014): each bit in depends on each bit out.
pub(crate) const fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_changes() {
        // The published value of FNV-1a for "foobar".
        assert_eq!(
            extend(0xcbf2_9ce4_8422_2325, b"foobar"),
            0x8594_4171_f739_67e8
        );
        // The first output of SplitMix64 from the state 0.
        assert_eq!(mix(0x9e37_79b9_7f4a_7c15), 0xe220_a839_7b1d_cdaf);
    }
}
