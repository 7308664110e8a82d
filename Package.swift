// swift-tools-version: 6.2
import PackageDescription

// Developers: `swift build`, `swift test`         (dynamic, ordinary Swift, no unsafe flags)
// Release:    CALE_RELEASE=embedded swift build …   (Embedded Swift, static-pie; `make build` has the whole line)
// Fallback:   CALE_RELEASE=static swift build …     (ordinary Swift, -static-executable)
// Fuzzing:    CALE_RELEASE=fuzz swift build --product fuzz --sanitize fuzzer --sanitize address
let mode = Context.environment["CALE_RELEASE"] ?? ""
/// `runtimeResourcePath` and `unversionedTriple` of `swiftc -print-target-info`; the Makefile reads them.
let resources = Context.environment["SWIFT_RESOURCES"] ?? ""
let triple = Context.environment["SWIFT_TRIPLE"] ?? "x86_64-unknown-linux-gnu"
/// Who unpacks gzip: ISA-L, which Debian has as a shared library only, so that calque is then linked dynamically; or zlib.
let usesISAL = mode != "static" && Context.environment["CALE_GZIP"] != "zlib"
/// CALE_SYMBOLS=1 keeps the names of functions in a release, for profilers.
let strip = Context.environment["CALE_SYMBOLS"] == nil ? ["-Xlinker", "-s"] : []
// Fewer pages to read and to relocate: equal functions are folded, relative relocations are a bitmap.
let deadStrip = ["-use-ld=lld", "-Xlinker", "--gc-sections", "-Xlinker", "--icf=all"] + strip
let packRelocations = ["-Xlinker", "--pack-dyn-relocs=relr"]

let common: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
]
// `cale` seals its binary before the C library starts: see seal.c.
let sealEntry: [LinkerSetting] = mode.isEmpty || mode == "fuzz" ? [] : [.unsafeFlags(["-Xlinker", "-e", "-Xlinker", "cale_entry"])]
// What a start executes lies together, so that it maps and reads few pages. `make order` writes the list anew; a name that is
// no longer there does no harm.
let order: [LinkerSetting] = mode.isEmpty || mode == "fuzz" ? [] : [.unsafeFlags(
    ["-Xlinker", "--symbol-ordering-file=\(Context.packageDirectory)/Sources/cale/functions.order", "-Xlinker", "--no-warn-symbol-ordering",
     "-Xlinker", "\(Context.packageDirectory)/Sources/cale/unnamed.ld"])]
let swift: [SwiftSetting]
let link: [LinkerSetting]
switch mode {
case "":
    (swift, link) = (common, [.linkedLibrary("m")])
case "fuzz":
    // of several --sanitize the compiler takes the last: what libFuzzer counts has to be asked for by name
    swift = common + [.unsafeFlags(["-sanitize-coverage=edge,indirect-calls,trace-cmp,inline-8bit-counters,pc-table"])]
    link = [.linkedLibrary("m")]
case "static":
    swift = common + [.unsafeFlags(["-static-executable", "-cross-module-optimization", "-Xfrontend", "-function-sections"])]
    link = [.unsafeFlags(["-static-executable"] + deadStrip + packRelocations)]
default:
    // Every Embedded module emits its own copy of an imported function. Swift 6.3 numbers the constant arrays that it moves
    // out of a function differently in each copy, and the linker keeps one: a function with two such arrays then reads the
    // wrong one. Without the pass that moves them out there is nothing to mix up. See spec-notes/decisions/.
    let keepArraysInPlace = ["-Xllvm", "-sil-disable-pass=object-outliner"]
    swift = common + [.enableExperimentalFeature("Embedded"), .unsafeFlags(["-wmo", "-Xfrontend", "-function-sections", "-Osize"] + keepArraysInPlace)]
    link = [.unsafeFlags(
        ["-Xclang-linker", "-static-pie", "\(resources)/embedded/\(triple)/libswiftUnicodeDataTables.a", "-lm"] + deadStrip + packRelocations)]
}

func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: swift)
}
func program(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], link: [LinkerSetting] = link, linking: [LinkerSetting] = []
) -> Target {
    .executableTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: swift, linkerSettings: link + linking)
}
/// Only libc and ISA-L come from shared libraries: the Makefile has a directory with the archives of the others, which is searched
/// first. glibc's loader takes packed relocations only from who declares them (GLIBC_ABI_DT_RELR), which lld does not do yet.
let linkWithISAL: [LinkerSetting] = [.unsafeFlags(
    ["-Xlinker", "--as-needed", "\(resources)/embedded/\(triple)/libswiftUnicodeDataTables.a", "-lm"] + deadStrip)]

// The graph is the security policy: an arrow that is not here is an import that does not compile. See Sources/README.md.
var targets: [Target] = [
    .systemLibrary(name: "CJSONC", pkgConfig: "json-c", providers: [.apt(["libjson-c-dev"])]),
    .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
    .systemLibrary(name: "CCapability", pkgConfig: "libcap", providers: [.apt(["libcap-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CISAL", pkgConfig: "libisal", providers: [.apt(["libisal-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .target(name: "CKernel"),
    .target(name: "CThread"),
    module("Diagnostics", ["CKernel"]),
    module("Kernel", ["CKernel", "Diagnostics"]),
    module("UntrustedTree", ["Kernel", "Diagnostics"]),
    module("JSON", ["CJSONC", "Diagnostics"]),
    module("OCISpec", ["JSON", "Diagnostics"]),
    module("Cgroups", ["OCISpec", "Kernel", "Diagnostics"]),
    module("Seccomp", ["OCISpec", "Kernel", "CSeccomp", "Diagnostics"]),
    module("Criu", ["Kernel", "Diagnostics"]),
    module("ContainerInit", ["UntrustedTree", "Kernel", "CCapability", "Diagnostics"]),
    module(
        "ContainerRuntime",
        ["Cgroups", "Seccomp", "Criu", "ContainerInit", "OCISpec", "JSON", "UntrustedTree", "Kernel", "Diagnostics"]),
    .target(
        name: "ImageUnpack",
        dependencies: ["OCISpec", "JSON", "UntrustedTree", "Kernel", "CThread", "CZlib", "CZstd", "CCrypto", "Diagnostics"] + (usesISAL ? ["CISAL"] : []),
        swiftSettings: swift + (usesISAL ? [.define("ISAL")] : [])),
    module("CLI", ["Kernel", "Diagnostics"]),
    program(
        "cale", ["CLI", "ContainerRuntime", "Criu", "OCISpec", "JSON", "Kernel", "Diagnostics"], exclude: ["functions.order", "unnamed.ld"], linking: sealEntry + order),
    program(
        "calque", ["CLI", "ImageUnpack", "OCISpec", "JSON", "Kernel", "Diagnostics"],
        link: usesISAL && !mode.isEmpty && mode != "fuzz" ? linkWithISAL : link),
]
if mode.isEmpty {  // tests are ordinary Swift: they cannot import Embedded modules
    func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
        .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: [.swiftLanguageMode(.v6)])
    }
    targets += [
        tests("ArchitectureTests", []),
        tests("DiagnosticsTests", ["Diagnostics"]),
        tests("KernelTests", ["Kernel", "Diagnostics"]),
        tests("UntrustedTreeTests", ["UntrustedTree", "Kernel", "Diagnostics"]),
        tests("JSONTests", ["JSON", "Diagnostics"]),
        tests("OCISpecTests", ["OCISpec", "JSON", "Diagnostics"]),
        tests("CgroupsTests", ["Cgroups", "OCISpec", "JSON", "Kernel", "Diagnostics"]),
        tests("SeccompTests", ["Seccomp", "OCISpec", "JSON", "Kernel", "Diagnostics"]),
        tests("CriuTests", ["Criu", "Kernel", "Diagnostics"]),
        tests(
            "ContainerRuntimeTests",
            ["ContainerRuntime", "ContainerInit", "Cgroups", "Seccomp", "Criu", "OCISpec", "JSON", "UntrustedTree", "Kernel", "Diagnostics"], exclude: ["Plans", "ExecPlans"]),
        tests("ImageUnpackTests", ["ImageUnpack", "OCISpec", "UntrustedTree", "JSON", "Kernel", "Diagnostics"]),
        tests("CLITests", ["CLI", "Diagnostics"]),
    ]
}
if mode == "fuzz" {
    targets.append(.executableTarget(
        name: "fuzz",
        dependencies: ["ContainerRuntime", "ContainerInit", "Cgroups", "Seccomp", "ImageUnpack", "OCISpec", "JSON", "UntrustedTree", "Kernel", "Diagnostics"],
        path: "Tests/Fuzz", exclude: ["corpus"], swiftSettings: [.swiftLanguageMode(.v6), .unsafeFlags(["-parse-as-library"])], linkerSettings: link))
}
let package = Package(
    name: "cale",
    products: [.executable(name: "cale", targets: ["cale"]), .executable(name: "calque", targets: ["calque"])],
    targets: targets)
