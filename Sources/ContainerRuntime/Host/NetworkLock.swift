// The lock that criu leaves in a network namespace that outlives the container, because others have it too. A dump closes the namespace
// with a chain of iptables, so that nobody answers for the connections of the container that is away; a restoration closes it once more,
// and then cannot open it, since the chain is still in use by the first.
// Source: seen with criu 3.17 and iptables 1.8.9: "CHAIN_DEL failed (Device or resource busy): chain CRIU".
import ContainerInit
import Diagnostics
import Kernel

enum NetworkLock {
    /// Takes the chain away in the network namespace of the process `pid`, which runs now. Where criu has done that, there is nothing to do.
    static func remove(of pid: Int32) {
        do throws(Errno) {
            let own = try FileDescriptor.open("/proc/self/ns/net", .readOnly)
            try FileDescriptor.namespace(.network, of: pid).visit(.network, own: own) { () throws(Errno) in
                for name in ["iptables", "ip6tables"] {
                    guard let program = findProgram(name) else { continue }  // then criu had none either
                    for chain in ["INPUT", "OUTPUT"] {
                        // once for each dump and restoration that could not open it
                        for _ in 0..<16 { guard try run(program, ["-D", chain, "-j", "CRIU"]) else { break } }
                    }
                    if try run(program, ["-F", "CRIU"]) { _ = try run(program, ["-X", "CRIU"]) }
                }
            }
        } catch {
            // the container has just ended, and its namespace is others' to look after
        }
    }

    private static func run(_ program: Path, _ arguments: [String]) throws(Errno) -> Bool {
        try HookProcess.run(
            HookStep(path: program, arguments: [program.text, "-w"] + arguments, environment: environment(), timeoutSeconds: 10, input: "")
        ).status == 0
    }
}
