//! Hashes and HMAC: FIPS 180-4, RFC 4231 and the crate `sha2`; a message in parts is the message.

use pleach_crypto::{Digest, Hash, KdfId, Secret};
use sha2::{Sha256, Sha384, Sha512};

use super::inputs::{cuts, hex};
use super::report::{Checks, Stop};

/// Digests of the four messages and MACs of the six cases below.
struct Known {
    digests: [&'static str; 4],
    macs: [&'static str; 6],
    oracle: fn(&[u8]) -> Vec<u8>,
}

/// FIPS 180-4's examples.
const MESSAGES: [&[u8]; 4] = [
    b"",
    b"abc",
    b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn\
        hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
];

/// RFC 4231 §4.2 to §4.8 without §4.6, which truncates.
const MAC_CASES: [(&[u8], &[u8]); 6] = [
    (&[0x0b; 20], b"Hi There"),
    (b"Jefe", b"what do ya want for nothing?"),
    (&[0xaa; 20], &[0xdd; 50]),
    (
        &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25],
        &[0xcd; 50],
    ),
    (&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First"),
    (
        &[0xaa; 131],
        b"This is a test using a larger than block-size key and a larger than block-size data. \
        The key needs to be hashed before being used by the HMAC algorithm.",
    ),
];

const SHA256: Known = Known {
    digests: [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
    ],
    macs: [
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ],
    oracle: |message| <Sha256 as sha2::Digest>::digest(message).to_vec(),
};

const SHA384: Known = Known {
    digests: [
        "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        "3391fdddfc8dc7393707a65b1b4709397cf8b1d162af05abfe8f450de5f36bc6b0455a8520bc4e6f5fe95b1fe3c8452b",
        "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039",
    ],
    macs: [
        "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
        "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
        "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39dc13814b94e3ab6e101a34f27",
        "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e6801dd23c4a7d679ccf8a386c674cffb",
        "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
        "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5a678cc31e799176d3860e6110c46523e",
    ],
    oracle: |message| <Sha384 as sha2::Digest>::digest(message).to_vec(),
};

const SHA512: Known = Known {
    digests: [
        "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce
         47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "204a8fc6dda82f0a0ced7beb8e08a41657c16ef468b228a8279be331a703c335
         96fd15c13b1b07f9aa1d3bea57789ca031ad85c7a71dd70354ec631238ca3445",
        "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018
         501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909",
    ],
    macs: [
        "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde
         daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554
         9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39
         bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
        "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db
         a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
        "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352
         6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
        "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944
         b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58",
    ],
    oracle: |message| <Sha512 as sha2::Digest>::digest(message).to_vec(),
};

/// All checks of one hash; `id` is that of the KDF over it.
pub(super) fn check(c: &mut Checks, id: KdfId, hash: &dyn Hash) -> Result<(), Stop> {
    let empty = hash.hash(&[]);
    c.equal("a digest has the length of the hash", empty.as_bytes().len(), hash.output_len());
    c.holds("a digest fits", hash.output_len() <= Digest::MAX, || format!("{} bytes", hash.output_len()));
    let long: Vec<u8> = (0..2000_u32).map(|i| (i % 251) as u8).collect();
    parts(c, hash, &long);

    let known = match id {
        KdfId::HKDF_SHA256 => SHA256,
        KdfId::HKDF_SHA384 => SHA384,
        KdfId::HKDF_SHA512 => SHA512,
        _ => return Ok(()),
    };
    for (message, digest) in MESSAGES.into_iter().zip(known.digests) {
        c.bytes("digests are those of FIPS 180-4", hash.hash(&[message]).as_bytes(), &hex(digest));
    }
    for ((key, message), mac) in MAC_CASES.into_iter().zip(known.macs) {
        let got = hash.hmac(&Secret::copy_from(key), &[message]);
        c.bytes("MACs are those of RFC 4231", got.as_bytes(), &hex(mac));
    }
    // Every length around the blocks and their padding.
    for len in 0..300 {
        let (message, _) = long.split_at(len);
        let got = hash.hash(&[message]);
        c.bytes("digests are those of the crate `sha2`", got.as_bytes(), &(known.oracle)(message));
    }
    Ok(())
}

/// The concatenation of the parts is what is hashed.
fn parts(c: &mut Checks, hash: &dyn Hash, long: &[u8]) {
    let keys = [
        Secret::zero(0),
        Secret::copy_from(b"key"),
        Secret::copy_from(&[7; 64]),
        Secret::copy_from(&[8; 200]),
    ];
    for len in [0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 2000] {
        let (message, _) = long.split_at(len);
        for cut in cuts(message) {
            let whole = hash.hash(&[message]);
            c.bytes(
                "the hash of parts is that of their concatenation",
                hash.hash(&cut).as_bytes(),
                whole.as_bytes(),
            );
            for key in &keys {
                let whole = hash.hmac(key, &[message]);
                let got = hash.hmac(key, &cut);
                c.bytes("the MAC of parts is that of their concatenation", got.as_bytes(), whole.as_bytes());
            }
        }
    }
    let macs = keys.map(|key| hash.hmac(&key, &[b"message"]));
    let distinct = macs.iter().enumerate().all(|(i, mac)| macs.iter().skip(i + 1).all(|other| other != mac));
    c.holds("the MAC depends on the key", distinct, || format!("{macs:?}"));
}
