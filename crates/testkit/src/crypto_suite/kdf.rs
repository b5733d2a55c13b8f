//! HKDF: RFC 5869; empty salts, parts, and the longest output.

use pleach_crypto::{CryptoError, Kdf, KdfId, Secret};

use super::inputs::{cuts, hex, short};
use super::report::{Checks, Stop};

/// `IKM`, `salt`, `info`, `PRK` and `OKM` of RFC 5869 A.1 to A.3.
fn vectors() -> [[Vec<u8>; 5]; 3] {
    let prk = |digits| hex(digits);
    [
        [
            vec![0x0b; 22],
            (0x00..=0x0c).collect(),
            (0xf0..=0xf9).collect(),
            prk("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"),
            hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"),
        ],
        [
            (0x00..=0x4f).collect(),
            (0x60..=0xaf).collect(),
            (0xb0..=0xff).collect(),
            prk("06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244"),
            hex(
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09
                 da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
            ),
        ],
        [
            vec![0x0b; 22],
            vec![],
            vec![],
            prk("19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04"),
            hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"),
        ],
    ]
}

/// All checks of one KDF.
pub(super) fn check(c: &mut Checks, kdf: &dyn Kdf) -> Result<(), Stop> {
    if kdf.id() == KdfId::HKDF_SHA256 {
        for [ikm, salt, info, prk, okm] in vectors() {
            let got = kdf.extract(&salt, &[&ikm]);
            c.bytes("PRK and OKM are those of RFC 5869", got.as_bytes(), &prk);
            let got = c.ok("a PRK expands", kdf.expand(&got, &[&info], okm.len()))?;
            c.bytes("PRK and OKM are those of RFC 5869", got.as_bytes(), &okm);
        }
    }
    let nh = kdf.extract_len();
    let known = match kdf.id() {
        KdfId::HKDF_SHA256 => Some(32),
        KdfId::HKDF_SHA384 => Some(48),
        KdfId::HKDF_SHA512 => Some(64),
        _ => None,
    };
    c.equal("Nh is that of RFC 9180 §7.2", nh, known.unwrap_or(nh));
    let prk = kdf.extract(b"salt", &[b"ikm"]);
    c.equal("an extracted key has Nh bytes", prk.len(), nh);
    c.equal(
        "an empty salt means Nh zero bytes",
        kdf.extract(b"", &[b"ikm"]),
        kdf.extract(&vec![0; nh], &[b"ikm"]),
    );
    c.holds("the salt matters", kdf.extract(b"", &[b"ikm"]) != prk, || "equal keys".into());
    c.part(|c| parts(c, kdf, &prk));
    lengths(c, kdf, &prk)
}

fn parts(c: &mut Checks, kdf: &dyn Kdf, prk: &Secret) -> Result<(), Stop> {
    let input: Vec<u8> = (0..200).collect();
    for salt in [&b""[..], b"salt", &input] {
        for cut in cuts(&input) {
            let got = kdf.extract(salt, &cut);
            let whole = kdf.extract(salt, &[&input]);
            c.bytes(
                "extracting from parts is extracting from their concatenation",
                got.as_bytes(),
                whole.as_bytes(),
            );
        }
    }
    for len in [16, 64, 200] {
        let whole = c.ok("a PRK expands", kdf.expand(prk, &[&input], len))?;
        for cut in cuts(&input) {
            let got = c.ok("a PRK expands", kdf.expand(prk, &cut, len))?;
            c.bytes(
                "expanding with parts is expanding with their concatenation",
                got.as_bytes(),
                whole.as_bytes(),
            );
        }
    }
    Ok(())
}

fn lengths(c: &mut Checks, kdf: &dyn Kdf, prk: &Secret) -> Result<(), Stop> {
    let most = 255 * kdf.extract_len();
    let longest = c.ok("255 Nh bytes expand", kdf.expand(prk, &[b"in", b"fo"], most))?;
    c.equal("the output has the length that was asked for", longest.len(), most);
    for len in [0, 1, 31, 32, 33, 47, 48, 49, 63, 64, 65, 129, most - 1] {
        let output = c.ok("255 Nh bytes expand", kdf.expand(prk, &[b"info"], len))?;
        let (start, _) = longest.as_bytes().split_at(len);
        c.bytes("a shorter output is the start of a longer one", output.as_bytes(), start);
    }
    for len in [most + 1, most + 1000, 65_536, usize::MAX] {
        let result = kdf.expand(prk, &[b"info"], len);
        c.refused("more than 255 Nh bytes are refused", result, &[CryptoError::OutputTooLong], || {
            format!("{len} bytes")
        });
    }
    // A key that is longer than a block of the hash, and one that is shorter than Nh, are keys.
    for len in [1, 20, 129, 300] {
        let key = Secret::copy_from(&vec![3; len]);
        let expanded = c.ok("a key of any length expands", kdf.expand(&key, &[b"info"], 32))?;
        let other = c.ok("a key of any length expands", kdf.expand(&key, &[b"other"], 32))?;
        c.holds("the info matters", expanded != other, || short(key.as_bytes()));
    }
    Ok(())
}
