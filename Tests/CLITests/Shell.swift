import CLI
import Foundation

/// What a program printed and how it ended.
struct Outcome {
    let output: String
    let errors: String
    let status: Int32
}

/// Runs the program at `path`.
func execute(_ path: String, _ arguments: [String], in directory: URL? = nil, environment: [String: String] = [:]) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.currentDirectoryURL = directory
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    let scratch = try temporaryDirectory()
    defer { try? FileManager.default.removeItem(at: scratch) }  // left over: harmless
    // files, so that a full pipe cannot block
    let output = scratch.appendingPathComponent("output")
    let errors = scratch.appendingPathComponent("errors")
    for file in [output, errors] { try Data().write(to: file) }
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    process.waitUntilExit()
    return Outcome(
        output: String(decoding: try Data(contentsOf: output), as: UTF8.self), errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self),
        status: process.terminationStatus)
}

func temporaryDirectory() throws -> URL {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("cli-tests-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    return directory
}

/// The first of `names` that is installed.
func installed(_ names: String...) -> String? {
    for name in names {
        for directory in ["/usr/bin", "/bin", "/usr/local/bin"] where FileManager.default.isExecutableFile(atPath: directory + "/" + name) {
            return directory + "/" + name
        }
    }
    return nil
}

/// The built program beside these tests; nil when it was not built.
func builtProgram(_ name: String) -> String? {
    let places = CommandLine.arguments + [(try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""]  // no /proc: the arguments do
    for place in places where place.contains(".xctest") {
        var directory = URL(fileURLWithPath: place)
        while directory.pathComponents.count > 1 {
            directory.deleteLastPathComponent()
            let program = directory.appendingPathComponent(name).path
            var isDirectory: ObjCBool = false
            if FileManager.default.fileExists(atPath: program, isDirectory: &isDirectory), !isDirectory.boolValue { return program }
            if directory.lastPathComponent == ".build" { break }
        }
    }
    return nil
}
