//! Names the CPU features that this process sees, one a line: run natively and inside valgrind by
//! `scripts/instructions`, the difference is what valgrind hides.

macro_rules! features {
    ($($name:tt),*) => { [$(($name, std::is_x86_feature_detected!($name))),*] };
}

fn main() {
    #[cfg(target_arch = "x86_64")]
    for (name, is_there) in features![
        "sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "movbe", "aes", "pclmulqdq", "rdrand",
        "rdseed", "avx", "avx2", "fma", "bmi1", "bmi2", "lzcnt", "adx", "sha", "vaes",
        "vpclmulqdq", "gfni", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512ifma",
        "avx512vbmi", "avx512vnni"
    ] {
        if is_there {
            println!("{name}");
        }
    }
}
