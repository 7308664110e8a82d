import Kernel
import Testing

@testable import ContainerRuntime

@Suite("options of mounts")
struct MountOptionTests {
    private static let common: MountAttributes = [.readOnly, .noSuid, .noDevices, .noExec, .noSymbolicLinks]

    @Test("a bind mount without attributes keeps those of its source", arguments: [[], ["rbind", "rprivate"], ["bind", "rro", "rnosuid"], ["bind", "sync"]])
    func kept(options: [String]) {
        #expect(MountOptions(options).impliedClear == [])
    }

    @Test("with one, it loses what no option names; access times only when one is about them")
    func lost() {
        #expect(MountOptions(["bind", "ro"]).impliedClear == Self.common.subtracting(.readOnly))
        #expect(MountOptions(["bind", "rw"]).impliedClear == Self.common)
        #expect(MountOptions(["bind", "nosuid", "nodev"]).impliedClear == [.readOnly, .noExec, .noSymbolicLinks])
        #expect(MountOptions(["bind", "relatime"]).impliedClear == Self.common.union(.anyAccessTime))
        #expect(MountOptions(["bind", "noatime"]).impliedClear == Self.common.union(.anyAccessTime))
        #expect(MountOptions(["bind", "nodiratime"]).impliedClear == Self.common.union(.accessTimeField))
        #expect(MountOptions(["bind", "diratime"]).impliedClear == Self.common)
    }
}
