//! ECDSA: vectors of RFC 6979, strict DER, uncompressed keys only.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
mod listed;

use common::{hex, secret};
use listed::Listed;
use pleach_crypto::{CryptoError, Secret, Signature};
use pleach_rustcrypto::{ECDSA_P256, ECDSA_P384, ECDSA_P521, SystemRandom};

/// Each with the length of a scalar.
const ALL: [(&dyn Signature, usize); 3] = [(&ECDSA_P256, 32), (&ECDSA_P384, 48), (&ECDSA_P521, 66)];

const ORDERS: [&str; 3] = [
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa
     51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
];

/// A DER integer of this value, in the shortest form.
fn integer(value: &[u8]) -> Vec<u8> {
    let start = value.iter().position(|byte| *byte != 0).unwrap_or(value.len() - 1);
    let mut value = value[start..].to_vec();
    if value[0] >= 0x80 {
        value.insert(0, 0);
    }
    [&[2, value.len() as u8], &value[..]].concat()
}

fn sequence(content: &[u8]) -> Vec<u8> {
    let len = content.len() as u8;
    let head: &[u8] = if len < 0x80 { &[0x30, len] } else { &[0x30, 0x81, len] };
    [head, content].concat()
}

/// RFC 6979 A.2.5, A.2.6 and A.2.7, message "sample", with the hash of the suite.
#[test]
fn vectors_of_rfc6979() {
    let vectors = [
        [
            "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
            "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
            "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
        ],
        [
            "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5",
            "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46",
            "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8",
        ],
        [
            "00FAD06DAA62BA3B25D2FB40133DA757205DE67F5BB0018FEE8C86E1B68C7E75
             CAA896EB32F1F47C70855836A6D16FCC1466F6D8FBEC67DB89EC0C08B0E996B83538",
            "00C328FAFCBD79DD77850370C46325D987CB525569FB63C5D3BC53950E6D4C5F
             174E25A1EE9017B5D450606ADD152B534931D7D4E8455CC91F9B15BF05EC36E377FA",
            "00617CCE7CF5064806C467F678D3B4080D6F1CC50AF26CA209417308281B68AF
             282623EAA63E5B5C0723D8B8C37FF0777B1A20F8CCB1DCCC43997F1EE0E44DA4A67A",
        ],
    ];
    for ((scheme, _), [private, r, s]) in ALL.into_iter().zip(vectors) {
        let signer = scheme.load_signer(&secret(private)).unwrap();
        let signature = signer.sign(&[b"sam", b"", b"ple"]).unwrap();
        assert_eq!(signature, sequence(&[integer(&hex(r)), integer(&hex(s))].concat()));
        let verifier = scheme.load_verifier(signer.public()).unwrap();
        verifier.verify(&[b"sample"], &signature).unwrap();
    }
}

// breaks: R016
#[test]
fn another_message_key_or_a_changed_bit_does_not_verify() {
    for (scheme, len) in ALL {
        let pair = scheme.generate_key_pair(&SystemRandom).unwrap();
        assert_eq!((pair.private.len(), pair.public.len()), (len, 1 + 2 * len));
        let signer = scheme.load_signer(&pair.private).unwrap();
        assert_eq!((signer.public(), signer.scheme()), (&pair.public[..], scheme.scheme()));
        let signature = signer.sign(&[b"message"]).unwrap();
        let verifier = scheme.load_verifier(&pair.public).unwrap();
        verifier.verify(&[b"mess", b"age"], &signature).unwrap();
        assert_eq!(verifier.verify(&[b"massage"], &signature), Err(CryptoError::InvalidSignature));
        let other = scheme.generate_key_pair(&SystemRandom).unwrap();
        let other = scheme.load_verifier(&other.public).unwrap();
        assert_eq!(other.verify(&[b"message"], &signature), Err(CryptoError::InvalidSignature));
        for bit in (0..signature.len() * 8).step_by(5) {
            let mut changed = signature.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(verifier.verify(&[b"message"], &changed), Err(CryptoError::InvalidSignature), "{bit}");
        }
    }
}

// breaks: R016
#[test]
fn only_the_shortest_der_of_values_in_range_verifies() {
    for ((scheme, len), order) in ALL.into_iter().zip(ORDERS) {
        let pair = scheme.generate_key_pair(&SystemRandom).unwrap();
        let signer = scheme.load_signer(&pair.private).unwrap();
        let verifier = scheme.load_verifier(&pair.public).unwrap();
        let signature = signer.sign(&[b"message"]).unwrap();
        let content_at = if signature[1] == 0x81 { 3 } else { 2 };
        let content = &signature[content_at..];
        let (r, s) = content.split_at(2 + usize::from(content[1]));
        assert_eq!(sequence(&[r, s].concat()), signature);
        verifier.verify(&[b"message"], &signature).unwrap();

        let padded = |integer: &[u8]| [&[2, integer[1] + 1, 0], &integer[2..]].concat();
        let fixed = |integer: &[u8]| {
            let value: Vec<u8> = integer[2..].iter().copied().skip_while(|byte| *byte == 0).collect();
            [&vec![0; len - value.len()][..], &value].concat()
        };
        let mut long_form = signature.clone();
        long_form.splice(1..content_at, [0x82, 0, content.len() as u8]);
        let order = integer(&hex(order));
        let bad = [
            [&fixed(r)[..], &fixed(s)].concat(),            // raw
            long_form,                                      // BER length
            [&[0x30, 0x80][..], content, &[0, 0]].concat(), // indefinite length
            sequence(&[&padded(r)[..], s].concat()),        // leading zero
            sequence(&[r, &padded(s)[..]].concat()),
            sequence(&[r, s, &[5, 0]].concat()), // a third element
            [&signature[..], &[0]].concat(),     // a byte after the end
            sequence(r),
            sequence(&[&[2, 1, 0], s].concat()),    // r = 0
            sequence(&[r, &[2, 1, 0]].concat()),    // s = 0
            sequence(&[&[2, 0], s].concat()),       // an empty integer
            sequence(&[&[2, 1, 0x80], s].concat()), // a negative one
            sequence(&[r, &order[..]].concat()),    // s = order
            sequence(&[&order[..], s].concat()),    // r = order
            sequence(&[r, &[2, len as u8 + 1, 1][..], &vec![0; len]].concat()),
            [&[0x31], &signature[1..]].concat(), // a set
            vec![],
        ];
        for (i, bad) in bad.iter().enumerate() {
            assert_eq!(
                verifier.verify(&[b"message"], bad),
                Err(CryptoError::InvalidSignature),
                "{i} of {len}"
            );
        }
        for end in 0..signature.len() {
            let cut = verifier.verify(&[b"message"], &signature[..end]);
            assert_eq!(cut, Err(CryptoError::InvalidSignature), "{end}");
        }
    }
}

// breaks: R013
#[test]
fn only_uncompressed_points_of_the_curve_are_keys() {
    for (scheme, len) in ALL {
        let point = scheme.generate_key_pair(&SystemRandom).unwrap().public;
        let (x, y) = point[1..].split_at(len);
        let odd = y[len - 1] & 1;
        let mut moved = point.clone();
        moved[2 * len] ^= 1;
        for bad in [
            [&[2 + odd], x].concat(),
            [&[5], x].concat(),
            [&[6 + odd], x, y].concat(),
            [x, y].concat(),
            [&[4], y, x].concat(),
            [&[4][..], &vec![0; 2 * len]].concat(),
            [&[4][..], &vec![0xFF; 2 * len]].concat(),
            [&point[..], &[0]].concat(),
            point[..2 * len].to_vec(),
            moved,
            vec![0],
            vec![],
        ] {
            let loaded = scheme.load_verifier(&bad);
            assert_eq!(loaded.unwrap_err(), CryptoError::InvalidPublicKey, "{bad:02x?}");
        }
    }
}

#[test]
fn private_keys_are_scalars_in_range_and_of_full_length() {
    for ((scheme, len), order) in ALL.into_iter().zip(ORDERS) {
        let mut one = vec![0; len];
        one[len - 1] = 1;
        scheme.load_signer(&Secret::copy_from(&one)).unwrap();
        for bad in
            [vec![0; len], hex(order), vec![0xFF; len], one[1..].to_vec(), [&[0], &one[..]].concat(), vec![]]
        {
            let loaded = scheme.load_signer(&Secret::from(bad));
            assert_eq!(loaded.unwrap_err(), CryptoError::InvalidPrivateKey);
        }
    }
}

#[test]
fn key_generation_samples_again_and_fails_with_its_randomness() {
    for (scheme, len) in ALL {
        let candidates = [vec![0; len], vec![0xFF; len], vec![1; len]].concat();
        let pair = scheme.generate_key_pair(&Listed::new(&candidates)).unwrap();
        assert_eq!(pair.private.as_bytes(), vec![1; len]);
        let unavailable = Err(CryptoError::RandomUnavailable);
        assert_eq!(scheme.generate_key_pair(&Listed::new(&vec![0; 10 * len])), unavailable);
        assert_eq!(scheme.generate_key_pair(&Listed::new(&vec![0; 100 * len])), unavailable);
    }
}

#[test]
fn a_key_does_not_show_itself() {
    for (scheme, _) in ALL {
        let pair = scheme.generate_key_pair(&SystemRandom).unwrap();
        let shown = format!("{pair:?} {:?}", scheme.load_signer(&pair.private).unwrap());
        assert!(!shown.to_lowercase().contains(&hex::encode(pair.private.as_bytes())));
        assert!(!shown.contains(&format!("{:?}", pair.private.as_bytes())));
    }
}
