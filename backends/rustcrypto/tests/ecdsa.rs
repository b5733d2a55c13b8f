//! ECDSA: signing is RFC 6979's. The rest is in the suite.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{hex, secret};
use pleach_crypto::Signature;
use pleach_rustcrypto::{ECDSA_P256, ECDSA_P384, ECDSA_P521};

const ALL: [&dyn Signature; 3] = [&ECDSA_P256, &ECDSA_P384, &ECDSA_P521];

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
    for (scheme, [private, r, s]) in ALL.into_iter().zip(vectors) {
        let signer = scheme.load_signer(&secret(private)).unwrap();
        let signature = signer.sign(&[b"sam", b"", b"ple"]).unwrap();
        assert_eq!(signature, sequence(&[integer(&hex(r)), integer(&hex(s))].concat()));
        let verifier = scheme.load_verifier(signer.public()).unwrap();
        verifier.verify(&[b"sample"], &signature).unwrap();
    }
}
