import OCISpec
import Testing

@Suite("Versions")
struct VersionTests {
    @Test(
        "what is no SemVer 2.0.0",
        arguments: [
            "", "1", "1.0", "1.0.0.0", "v1.0.0", "01.0.0", "1.00.0", "1.0.00", "1.0.-1", "1..0", ".1.0", "1.0.0-", "1.0.0-a..b", "1.0.0-01", "1.0.0+",
            "1.0.0-a+", "1.0.0-é", "1.0.0 ", " 1.0.0", "1.0.0-a b", "1.0.0-a_b", "99999999999999999999.0.0", "1.0.0+a+b", "-1.0.0", "1.a.0",
        ])
    func invalid(text: String) { #expect(Version(text) == nil) }

    @Test func parts() throws {
        let version = try #require(Version("1.2.30-rc.2.x-y+build.007"))
        #expect(version.major == 1 && version.minor == 2 && version.patch == 30)
        #expect(version.prerelease == ["rc", "2", "x-y"])
        #expect(Version("1.0.0+a") == Version("1.0.0+b"))
        #expect(Version("18446744073709551615.0.0")?.major == .max)
        #expect(Version("1.0.0-0")?.prerelease == ["0"])
        #expect(Version("1.0.0--")?.prerelease == ["-"])
        #expect(Version("1.0.0+01-é") == nil && Version("1.0.0+01-e") != nil)
    }

    @Test("precedence, as semver.org has it")
    func order() throws {
        let ordered = try [
            "0.9.9", "1.0.0-0", "1.0.0-9", "1.0.0-10", "1.0.0-99999999999999999999", "1.0.0-100000000000000000000", "1.0.0-alpha", "1.0.0-alpha.1",
            "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0-dev", "1.2.0", "1.10.0", "2.0.0",
        ].map { try #require(Version($0)) }
        for (index, one) in ordered.enumerated() {
            for (other, later) in ordered.enumerated() {
                #expect((one < later) == (index < other), "\(one) \(later)")
                #expect((one == later) == (index == other), "\(one) \(later)")
            }
        }
    }

    @Test func constants() throws {
        let supported = try #require(Version(Version.supported))
        let oldest = try #require(Version(Version.oldest))
        #expect(Version.supported == "1.3.0")
        #expect(oldest < supported)
    }
}
