//! What composition costs: X-Wing against the sum of its fastest parts, and the fast post-quantum implementations against the portable ones.
//!
//! Prints ratios, of the first decile of interleaved rounds, so that what else the machine does slows both sides of a ratio alike
//! and is mostly left out. Fails if one of X-Wing's is above [`LIMIT`]. The parts are bare calls of the libraries, of whichever does that operation fastest: ML-KEM-768 by AWS-LC
//! or libcrux, X25519 by AWS-LC. AWS-LC makes no ML-KEM key of a seed, which X-Wing must, so the part of key generation is
//! libcrux's; the ratio to AWS-LC's unseeded generation is printed as well.
//!
//! `cargo bench -p pleach-benches --bench post_quantum`

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run may stop")]

use aws_lc_rs::agreement::{self, ParsedPublicKey, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::kem;
use libcrux_ml_kem::mlkem768;
use pleach_crypto::{Kem, Secret, SecureRandom, Signature};
use pleach_post_quantum::{self as portable, fast};
use pleach_rustcrypto::SystemRandom;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What X-Wing may cost, in sums of its parts.
const LIMIT: f64 = 1.5;

/// Something to measure.
type Run<'a> = &'a mut dyn FnMut();

fn main() -> ExitCode {
    // `cargo test --benches` runs this once, to see that it runs.
    let rounds = if std::env::args().any(|arg| arg == "--bench") { 201 } else { 3 };
    let within = x_wing(rounds);
    println!("\nportable / fast");
    kems(rounds);
    signatures(rounds);
    if within || rounds < 100 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is done and thrown away.
fn of<R>(mut run: impl FnMut() -> R) -> impl FnMut() {
    move || {
        black_box(run());
    }
}

/// The first deciles, in microseconds, of each in turn.
fn deciles<const N: usize>(rounds: usize, mut runs: [Run<'_>; N]) -> [f64; N] {
    const REPEAT: u32 = 16;
    let mut times = [(); N].map(|()| Vec::with_capacity(rounds));
    for _ in 0..rounds {
        for (run, times) in runs.iter_mut().zip(&mut times) {
            let start = Instant::now();
            for _ in 0..REPEAT {
                run();
            }
            times.push(start.elapsed() / REPEAT);
        }
    }
    times.map(|mut times| {
        times.sort_unstable();
        times.get(rounds / 10).map_or(0.0, Duration::as_secs_f64) * 1e6
    })
}

/// Prints X-Wing's three operations against their parts; whether all are within the limit.
fn x_wing(rounds: usize) -> bool {
    let rng = SystemRandom;
    let ours: &dyn Kem = &fast::X_WING;
    let pair = ours.generate_key_pair(&rng).unwrap();
    let (public, private) =
        (ours.load_public(&pair.public).unwrap(), ours.load_private(&pair.private).unwrap());
    let enc = public.encap(&rng).unwrap().1;

    let ml = mlkem768::generate_key_pair([7; 64]);
    let (ct, _) = mlkem768::encapsulate(ml.public_key(), [9; 32]);
    let dk = kem::DecapsulationKey::new(&kem::ML_KEM_768, ml.sk()).unwrap();
    let ek = kem::EncapsulationKey::new(&kem::ML_KEM_768, ml.pk()).unwrap();
    let import = || PrivateKey::from_private_key(&agreement::X25519, &[9; 32]).unwrap();
    let peer = import().compute_public_key().unwrap();
    let peer = ParsedPublicKey::try_from(UnparsedPublicKey::new(&agreement::X25519, peer.as_ref())).unwrap();
    let own = import();
    let random = |len| rng.bytes(len).unwrap();

    let [
        x_public,
        x_dh,
        libcrux_generate,
        aws_lc_generate,
        libcrux_encaps,
        aws_lc_encaps,
        libcrux_decaps,
        aws_lc_decaps,
        generate,
        encap,
        decap,
    ] = deciles(
        rounds,
        [
            &mut of(|| import().compute_public_key().unwrap()),
            &mut of(|| agreement::agree(&own, peer.clone(), (), |dh| Ok(dh.to_vec())).unwrap()),
            &mut of(|| mlkem768::generate_key_pair(random(64).try_into().unwrap())),
            &mut of(|| kem::DecapsulationKey::generate(&kem::ML_KEM_768).unwrap()),
            &mut of(|| mlkem768::encapsulate(ml.public_key(), random(32).try_into().unwrap())),
            &mut of(|| ek.encapsulate().unwrap()),
            &mut of(|| mlkem768::decapsulate(ml.private_key(), &ct)),
            &mut of(|| dk.decapsulate(ct.as_ref().into()).unwrap()),
            &mut of(|| ours.generate_key_pair(&rng).unwrap()),
            &mut of(|| public.encap(&rng).unwrap()),
            &mut of(|| private.decap(&enc).unwrap()),
        ],
    );

    println!("X-Wing / the sum of its fastest parts (limit {LIMIT})");
    let mut within = true;
    for (what, whole, ml_kem, x25519) in [
        ("generate a key pair", generate, libcrux_generate, x_public),
        ("encapsulate", encap, libcrux_encaps.min(aws_lc_encaps), x_public + x_dh),
        ("decapsulate", decap, libcrux_decaps.min(aws_lc_decaps), x_dh),
    ] {
        let ratio = whole / (ml_kem + x25519);
        within &= ratio <= LIMIT;
        println!("{what:<24} {ratio:>5.2}   {whole:>7.1} us = {ml_kem:.1} + {x25519:.1} us and the rest");
    }
    let unseeded = generate / (aws_lc_generate + x_public);
    println!("{:<24} {unseeded:>5.2}   to AWS-LC's generation, which takes no seed", "generate a key pair");
    within
}

/// Two implementations of one KEM, operation by operation.
fn kems(rounds: usize) {
    let rng = SystemRandom;
    let pairs: [[&dyn Kem; 2]; 5] = [
        [&portable::ML_KEM_768, &fast::ML_KEM_768],
        [&portable::ML_KEM_1024, &fast::ML_KEM_1024],
        [&portable::X_WING, &fast::X_WING],
        [&portable::MLKEM768_P256, &fast::MLKEM768_P256],
        [&portable::MLKEM1024_P384, &fast::MLKEM1024_P384],
    ];
    for kems in pairs {
        let ikm = Secret::zero(32);
        let pair = kems[0].derive_key_pair(&ikm).unwrap();
        let [first, second] = kems;
        let publics = kems.map(|kem| kem.load_public(&pair.public).unwrap());
        let privates = kems.map(|kem| kem.load_private(&pair.private).unwrap());
        let enc = publics[0].encap(&rng).unwrap().1;
        let name = first.id().to_string();
        show(
            rounds,
            &name,
            "DeriveKeyPair",
            [
                &mut of(|| first.derive_key_pair(&ikm).unwrap()),
                &mut of(|| second.derive_key_pair(&ikm).unwrap()),
            ],
        );
        show(
            rounds,
            &name,
            "load a public key",
            [
                &mut of(|| first.load_public(&pair.public).unwrap()),
                &mut of(|| second.load_public(&pair.public).unwrap()),
            ],
        );
        show(
            rounds,
            &name,
            "encapsulate",
            [&mut of(|| publics[0].encap(&rng).unwrap()), &mut of(|| publics[1].encap(&rng).unwrap())],
        );
        show(
            rounds,
            &name,
            "decapsulate",
            [&mut of(|| privates[0].decap(&enc).unwrap()), &mut of(|| privates[1].decap(&enc).unwrap())],
        );
    }
}

/// Two implementations of one signature scheme. Signing takes a random number of attempts: the message changes each time.
fn signatures(rounds: usize) {
    let pairs: [[&dyn Signature; 2]; 3] = [
        [&portable::ML_DSA_44, &fast::ML_DSA_44],
        [&portable::ML_DSA_65, &fast::ML_DSA_65],
        [&portable::ML_DSA_87, &fast::ML_DSA_87],
    ];
    for schemes in pairs {
        let pair = schemes[0].generate_key_pair(&SystemRandom).unwrap();
        let signers = schemes.map(|scheme| scheme.load_signer(&pair.private).unwrap());
        let verifiers = schemes.map(|scheme| scheme.load_verifier(&pair.public).unwrap());
        let content = [7; 300];
        let signature = signers[0].sign(&[&content]).unwrap();
        let name = schemes[0].scheme().to_string();
        let (mut first, mut second) = (0_u64, 0_u64);
        show(
            rounds,
            &name,
            "sign",
            [
                &mut of(|| {
                    first += 1;
                    signers[0].sign(&[&content, &first.to_be_bytes()]).unwrap()
                }),
                &mut of(|| {
                    second += 1;
                    signers[1].sign(&[&content, &second.to_be_bytes()]).unwrap()
                }),
            ],
        );
        show(
            rounds,
            &name,
            "load a public key",
            [
                &mut of(|| schemes[0].load_verifier(&pair.public).unwrap()),
                &mut of(|| schemes[1].load_verifier(&pair.public).unwrap()),
            ],
        );
        show(
            rounds,
            &name,
            "verify",
            [
                &mut of(|| verifiers[0].verify(&[&content], &signature).unwrap()),
                &mut of(|| verifiers[1].verify(&[&content], &signature).unwrap()),
            ],
        );
    }
}

fn show(rounds: usize, name: &str, what: &str, runs: [Run<'_>; 2]) {
    let [portable, fast] = deciles(rounds, runs);
    println!("{name:<24} {what:<18} {:>5.2}   {portable:>7.1} / {fast:.1} us", portable / fast);
}
