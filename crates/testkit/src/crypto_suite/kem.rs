//! KEMs: lengths, both sides of an encapsulation, and every kind of bad key (R013, R014).
//!
//! [`check`] is what all KEMs have in common, [`keys`] what their groups ask for: points on the curve in the one form, scalars in
//! range, no point of low order. Of a hybrid, the classical half is checked like its curve.

use pleach_crypto::{CryptoError, Kem, KemId, KemPrivateKey, Secret};

use super::Random;
use super::inputs::{Listed, hex, secret, short, shows};
use super::nist::NistCurve;
use super::report::{Checks, Stop};
use super::spki;

/// `Npk`, `Nsk`, `Nenc` and `Nsecret`.
fn lengths(id: KemId) -> Option<[usize; 4]> {
    Some(match id {
        KemId::DHKEM_P256 => [65, 32, 65, 32],
        KemId::DHKEM_P384 => [97, 48, 97, 48],
        KemId::DHKEM_P521 => [133, 66, 133, 64],
        KemId::DHKEM_X25519 => [32, 32, 32, 32],
        KemId::DHKEM_X448 => [56, 56, 56, 64],
        KemId::ML_KEM_768 => [1184, 64, 1088, 32],
        KemId::ML_KEM_1024 => [1568, 64, 1568, 32],
        KemId::MLKEM768_P256 => [1249, 32, 1153, 32],
        KemId::MLKEM1024_P384 => [1665, 32, 1665, 32],
        KemId::MLKEM768_X25519 => [1216, 32, 1120, 32],
        _ => return None,
    })
}

/// What every KEM must do.
pub(super) fn check(c: &mut Checks, kem: &dyn Kem, rng: Random<'_>) -> Result<(), Stop> {
    let pair = c.ok("a key pair is generated", kem.generate_key_pair(rng))?;
    let other = c.ok("a key pair is generated", kem.generate_key_pair(rng))?;
    c.holds("generated keys differ", pair != other, || short(&pair.public));
    let private = c.ok("a private key loads", kem.load_private(&pair.private))?;
    let public = c.ok("a public key loads", kem.load_public(&pair.public))?;
    c.bytes("a private key knows its public key", private.public(), &pair.public);
    let (shared, enc) = c.ok("a public key encapsulates", public.encap(rng))?;

    let got = [pair.public.len(), pair.private.len(), enc.len(), shared.len()];
    c.equal(
        "the lengths are those that are promised",
        [got[0], got[1], got[2]],
        [kem.public_len(), kem.private_len(), kem.enc_len()],
    );
    c.equal("the lengths are those of the registry", got, lengths(kem.id()).unwrap_or(got));

    let decapsulated = c.ok("a private key decapsulates", private.decap(&enc))?;
    c.holds("both sides have the same secret", decapsulated == shared, || short(&enc));
    let zero = shared == Secret::zero(shared.len());
    c.holds("a shared secret is not zero", !zero, || short(&enc));
    let (again, again_enc) = c.ok("a public key encapsulates", public.encap(rng))?;
    c.holds("encapsulations differ", again != shared && again_enc != enc, || short(&enc));
    let theirs = c.ok("a private key loads", kem.load_private(&other.private))?.decap(&enc);
    c.holds("another key has another secret", theirs != Ok(shared.clone()), || short(&enc));
    for bit in (0..enc.len() * 8).step_by(enc.len().div_ceil(40) * 8 + 1) {
        let mut changed = enc.clone();
        if let Some(byte) = changed.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        let result = private.decap(&changed);
        // X25519 ignores the topmost bit, but the encapsulated key goes into the secret as it is.
        c.holds("a changed encapsulated key has another secret", result != Ok(shared.clone()), || {
            format!("bit {bit}")
        });
        let refused = matches!(result, Ok(_) | Err(CryptoError::InvalidEncapsulation));
        c.holds("decapsulation fails with InvalidEncapsulation only", refused, || {
            format!("{result:?}, bit {bit}")
        });
        c.holds("decapsulation is deterministic", private.decap(&changed) == result, || format!("bit {bit}"));
    }

    c.part(|c| derivation(c, kem));
    c.part(|c| randomness(c, kem, &pair.public));
    wrong_lengths(c, kem, &*private, &pair.public, &enc, &pair.private);
    x509(c, kem, &*private, &pair.public, &enc);
    let shown = format!("{private:?} {pair:?} {:#?} {:#?}", private, pair);
    c.holds("Debug shows no private key", !shows(&shown, pair.private.as_bytes()), || shown.clone());
    Ok(())
}

fn derivation(c: &mut Checks, kem: &dyn Kem) -> Result<(), Stop> {
    let mut seen = Vec::new();
    for len in [32, 33, 48, 64, 66, 100] {
        for fill in [1, 2] {
            let ikm = Secret::copy_from(&vec![fill; len]);
            let pair = c.ok("DeriveKeyPair gives a key pair", kem.derive_key_pair(&ikm))?;
            let again = c.ok("DeriveKeyPair gives a key pair", kem.derive_key_pair(&ikm))?;
            c.equal("DeriveKeyPair is deterministic", &pair, &again);
            let private = c.ok("a derived key loads", kem.load_private(&pair.private))?;
            c.bytes("a private key knows its public key", private.public(), &pair.public);
            c.holds("DeriveKeyPair depends on all of its input", !seen.contains(&pair.public), || {
                short(ikm.as_bytes())
            });
            seen.push(pair.public);
        }
    }
    let (ikm, sk, pk) = match kem.id() {
        // RFC 9180 A.1.1.
        KemId::DHKEM_X25519 => (
            "7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234",
            "52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736",
            "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
        ),
        _ => return Ok(()),
    };
    let pair = c.ok("DeriveKeyPair gives a key pair", kem.derive_key_pair(&secret(ikm)))?;
    c.bytes("derived keys are those of RFC 9180", pair.private.as_bytes(), &hex(sk));
    c.bytes("derived keys are those of RFC 9180", &pair.public, &hex(pk));
    Ok(())
}

fn randomness(c: &mut Checks, kem: &dyn Kem, public: &[u8]) -> Result<(), Stop> {
    let unavailable = [CryptoError::RandomUnavailable];
    let none = Listed::new(&[]);
    let input = || "no randomness".to_owned();
    c.refused("no key without randomness", kem.generate_key_pair(&none), &unavailable, input);
    let public = c.ok("a public key loads", kem.load_public(public))?;
    c.refused("no encapsulation without randomness", public.encap(&none), &unavailable, input);
    Ok(())
}

fn wrong_lengths(
    c: &mut Checks,
    kem: &dyn Kem,
    key: &dyn KemPrivateKey,
    public: &[u8],
    enc: &[u8],
    private: &Secret,
) {
    let resized = |bytes: &[u8], len| {
        let mut bytes = bytes.to_vec();
        bytes.resize(len, 1);
        bytes
    };
    for len in (0..=public.len() + 1).chain([public.len() * 2]).filter(|len| *len != public.len()) {
        let result = kem.load_public(&resized(public, len));
        let input = || format!("{len} bytes");
        c.refused(
            "a public key of another length is refused",
            result,
            &[CryptoError::InvalidPublicKey],
            input,
        );
    }
    for len in (0..=enc.len() + 1).chain([enc.len() * 2]).filter(|len| *len != enc.len()) {
        let result = key.decap(&resized(enc, len));
        let input = || format!("{len} bytes");
        c.refused(
            "an encapsulated key of another length is refused",
            result,
            &[CryptoError::InvalidEncapsulation],
            input,
        );
    }
    for len in (0..=private.len() + 1).chain([private.len() * 2]).filter(|len| *len != private.len()) {
        let result = kem.load_private(&Secret::from(resized(private.as_bytes(), len)));
        let input = || format!("{len} bytes");
        c.refused(
            "a private key of another length is refused",
            result,
            &[CryptoError::InvalidPrivateKey],
            input,
        );
    }
}

fn x509(c: &mut Checks, kem: &dyn Kem, key: &dyn KemPrivateKey, public: &[u8], enc: &[u8]) {
    if let Some(public) = spki::of_kem(kem.id(), public) {
        let check = "a SubjectPublicKeyInfo is no public key";
        c.refused(check, kem.load_public(&public), &[CryptoError::InvalidPublicKey], || short(&public));
    }
    if let Some(enc) = spki::of_kem(kem.id(), enc) {
        let check = "a SubjectPublicKeyInfo is no encapsulated key";
        c.refused(check, key.decap(&enc), &[CryptoError::InvalidEncapsulation], || short(&enc));
    }
}

/// What the KEM's group asks of keys.
pub(super) fn keys(c: &mut Checks, kem: &dyn Kem, rng: Random<'_>) -> Result<(), Stop> {
    match kem.id() {
        KemId::DHKEM_P256 | KemId::DHKEM_P384 | KemId::DHKEM_P521 => {
            c.part(|c| points(c, kem, rng, 0, 0));
            scalars(c, kem)
        }
        KemId::MLKEM768_P256 => points(c, kem, rng, 1184, 1088),
        KemId::MLKEM1024_P384 => points(c, kem, rng, 1568, 1568),
        KemId::DHKEM_X25519 => low_order(c, kem, rng, (0, 0), x25519_low_order()),
        KemId::DHKEM_X448 => low_order(c, kem, rng, (0, 0), x448_low_order()),
        KemId::MLKEM768_X25519 => low_order(c, kem, rng, (1184, 1088), x25519_low_order()),
        _ => Ok(()),
    }
}

/// Bad points, as a public key or as an encapsulated key, after `pk_at` and `enc_at` bytes of the post-quantum half.
fn points(c: &mut Checks, kem: &dyn Kem, rng: Random<'_>, pk_at: usize, enc_at: usize) -> Result<(), Stop> {
    let pair = c.ok("a key pair is generated", kem.generate_key_pair(rng))?;
    let private = c.ok("a private key loads", kem.load_private(&pair.private))?;
    let public = c.ok("a public key loads", kem.load_public(&pair.public))?;
    let (_, enc) = c.ok("a public key encapsulates", public.encap(rng))?;
    let (Some((pk_pq, pk)), Some((enc_pq, _))) =
        (pair.public.split_at_checked(pk_at), enc.split_at_checked(enc_at))
    else {
        return Ok(());
    };
    let Some(curve) = NistCurve::of_len((pk.len() - 1) / 2) else { return Ok(()) };
    for (what, bad) in curve.bad_points(pk) {
        let input = || format!("{what}: {}", short(&bad));
        let loaded = kem.load_public(&[pk_pq, &bad].concat());
        c.refused(
            "only uncompressed points of the curve are public keys",
            loaded,
            &[CryptoError::InvalidPublicKey],
            input,
        );
        let decapsulated = private.decap(&[enc_pq, &bad].concat());
        let expected = [CryptoError::InvalidEncapsulation];
        c.refused(
            "only uncompressed points of the curve are encapsulated keys",
            decapsulated,
            &expected,
            input,
        );
    }
    let small = curve.small_point();
    c.ok("a point with small coordinates is a public key", kem.load_public(&[pk_pq, &small].concat()))?;
    c.ok("a point with small coordinates is an encapsulated key", private.decap(&[enc_pq, &small].concat()))?;
    Ok(())
}

fn scalars(c: &mut Checks, kem: &dyn Kem) -> Result<(), Stop> {
    let Some(curve) = NistCurve::of_len(kem.private_len()) else { return Ok(()) };
    for (what, bad) in curve.bad_scalars() {
        let loaded = kem.load_private(&bad);
        c.refused(
            "private keys are at least one and below the order",
            loaded,
            &[CryptoError::InvalidPrivateKey],
            || what.to_owned(),
        );
    }
    for scalar in curve.edge_scalars() {
        c.ok("the smallest and the largest scalar are private keys", kem.load_private(&scalar))?;
    }
    Ok(())
}

/// 0, 1, the two of order 8, p - 1, p and p + 1, each with both values of the bit that X25519 ignores.
fn x25519_low_order() -> Vec<Vec<u8>> {
    let points = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    let with_top = |mut point: Vec<u8>| {
        if let Some(last) = point.last_mut() {
            *last |= 0x80;
        }
        point
    };
    points.map(hex).into_iter().flat_map(|point| [point.clone(), with_top(point)]).collect()
}

/// 0, 1, p - 1, p and p + 1 for p = 2^448 - 2^224 - 1.
fn x448_low_order() -> Vec<Vec<u8>> {
    let ends =
        [("00", "00", "00"), ("01", "00", "00"), ("fe", "ff", "fe"), ("ff", "ff", "fe"), ("00", "00", "ff")];
    let point = |(first, low, middle): (&str, &str, &str)| {
        let high = if middle == "00" { "00" } else { "ff" };
        hex(&format!("{first}{}{middle}{}", low.repeat(27), high.repeat(27)))
    };
    ends.map(point).to_vec()
}

/// Points of low order after `pk_at` and `enc_at` bytes of the post-quantum half. In X-Wing too: what one member refuses and
/// another takes would split a group.
fn low_order(
    c: &mut Checks,
    kem: &dyn Kem,
    rng: Random<'_>,
    (pk_at, enc_at): (usize, usize),
    points: Vec<Vec<u8>>,
) -> Result<(), Stop> {
    let pair = c.ok("a key pair is generated", kem.generate_key_pair(rng))?;
    let private = c.ok("a private key loads", kem.load_private(&pair.private))?;
    let public = c.ok("a public key loads", kem.load_public(&pair.public))?;
    let (_, enc) = c.ok("a public key encapsulates", public.encap(rng))?;
    let (Some((pk_pq, pk)), Some((enc_pq, _))) =
        (pair.public.split_at_checked(pk_at), enc.split_at_checked(enc_at))
    else {
        return Ok(());
    };
    for point in points {
        let input = || short(&point);
        let loaded = kem.load_public(&[pk_pq, &point].concat());
        c.refused("a point of low order is no public key", loaded, &[CryptoError::InvalidPublicKey], input);
        let decapsulated = private.decap(&[enc_pq, &point].concat());
        c.refused(
            "an all-zero shared secret is refused",
            decapsulated,
            &[CryptoError::InvalidEncapsulation],
            input,
        );
    }
    // Their neighbours are keys: the refusal is exact.
    for (at, value) in [(0, 2), (0, 3), (0, 9), (pk.len() - 1, 1)] {
        let mut point = vec![0; pk.len()];
        if let Some(byte) = point.get_mut(at) {
            *byte = value;
        }
        let public = kem.load_public(&[pk_pq, &point].concat());
        let public = c.ok("a point next to one of low order is a public key", public)?;
        c.ok("a point next to one of low order is a public key", public.encap(rng))?;
    }
    // Every private key of the right length is one, zero included: clamping sees to it.
    for fill in [0x00, 0xFF] {
        let private = Secret::copy_from(&vec![fill; kem.private_len()]);
        c.ok("every string of the right length is a private key", kem.load_private(&private))?;
    }
    Ok(())
}
