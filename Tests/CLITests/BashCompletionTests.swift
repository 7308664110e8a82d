@testable import CLI
import Foundation
import Testing

/// A program "demo" that knows two containers and one id that is none, and another container below another root.
private func writeContainerLister(to directory: URL) throws {
    let program = directory.appendingPathComponent("demo")
    let text = """
        #!/bin/sh
        [ "$1 $3 $4" = '--root list -q' ] && echo "of-$2" && exit
        [ "$*" = 'list -q' ] && printf 'web1\\nweb2\\n$(touch pwned)\\n'

        """
    try text.write(to: program, atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program.path)
}

@Suite("completion in bash", .enabled(if: installed("bash") != nil, "bash is not installed"))
struct BashCompletionTests {
    /// What bash offers for the last of `words`, which are split as bash splits them.
    func offers(_ words: String...) throws -> [String] {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }  // left over: harmless
        try demo.completionScript(.bash).write(to: directory.appendingPathComponent("script"), atomically: true, encoding: .utf8)
        for name in ["bundles", "other dir", "sub/one"] {
            try FileManager.default.createDirectory(at: directory.appendingPathComponent(name), withIntermediateDirectories: true)
        }
        try "{}".write(to: directory.appendingPathComponent("config.json"), atomically: true, encoding: .utf8)
        try writeContainerLister(to: directory)
        let quoted = (["./demo"] + words).map { shellQuoted($0) }.joined(separator: " ")
        let outcome = try execute(
            try #require(installed("bash")),
            ["--norc", "-euc", "source ./script; COMP_WORDS=(\(quoted)); COMP_CWORD=\(words.count); _demo || true; printf '%s\\n' \"${COMPREPLY[@]-}\""], in: directory)
        #expect(outcome.errors == "")
        #expect(outcome.status == 0)
        #expect(!FileManager.default.fileExists(atPath: directory.appendingPathComponent("pwned").path), "an id is no command")
        return outcome.output.split(separator: "\n").map { String($0) }.sorted()
    }

    @Test func commands() throws {
        #expect(try offers("") == ["completion", "create", "exec", "help", "kill", "list", "man", "mounts", "run", "spec"])
        #expect(try offers("cr") == ["create"])
        #expect(try offers("--root", "/x", "--debug", "l") == ["list"])
        #expect(try offers("--root", "=", "/x", "l") == ["list"])
        #expect(try offers("--root=/x", "l") == ["list"])
        #expect(try offers("help", "cr") == ["create"])
        #expect(try offers("secr") == [])
    }

    @Test func options() throws {
        #expect(try offers("--r") == ["--root", "--rootless"])
        #expect(try offers("-") == ["--debug", "--help", "--log-format", "--root", "--rootless", "--version"])
        #expect(try offers("create", "--") == ["--annotation", "--bundle", "--config", "--help", "--keep-fds", "--preserve-fds"])
        #expect(try offers("make", "--b") == ["--bundle"])
        #expect(try offers("create", "web", "--b") == ["--bundle"])
        #expect(try offers("create", "--", "--b") == [])
        #expect(try offers("exec", "web1", "--d") == [], "the command in the container has its own options")
    }

    @Test func values() throws {
        #expect(try offers("list", "--format", "") == ["json", "table"])
        #expect(try offers("list", "-f", "j") == ["json"])
        #expect(try offers("list", "--format", "=") == ["json", "table"])
        #expect(try offers("list", "--format", "=", "t") == ["table"])
        #expect(try offers("list", "--format=t") == ["--format=table"])
        #expect(try offers("kill", "--all", "=", "t") == ["true"])
        #expect(try offers("--log-format", "") == ["json", "text"])
        #expect(try offers("list", "--log-format", "j") == ["json"], "global options work after the command")
        #expect(try offers("create", "--bundle", "") == ["bundles", "other dir", "sub"])
        #expect(try offers("create", "--bundle", "sub/") == ["sub/one"])
        #expect(try offers("create", "-f", "con") == ["config.json"])
        #expect(try offers("create", "--preserve-fds", "") == [])
    }

    @Test func arguments() throws {
        #expect(try offers("kill", "") == ["$(touch pwned)", "web1", "web2"])
        #expect(try offers("kill", "--all", "web2") == ["web2"])
        #expect(try offers("--root", "/x", "kill", "") == ["of-/x"])
        #expect(try offers("kill", "web1", "K") == ["KILL"])
        #expect(try offers("kill", "web1", "KILL", "") == [])
        #expect(try offers("create", "") == [], "a new id is not one that exists")
        #expect(try offers("mounts", "") == ["add", "remove"])
        #expect(try offers("completion", "") == ["bash", "fish", "zsh"])
    }

    @Test("a link has a completion of its own")
    func otherName() {
        let script = demo.called("/x/my-runc").completionScript(.bash)
        #expect(script.contains("complete -F _my_runc my-runc\n"))
        #expect(!script.contains("_demo"))
    }
}

@Suite struct OtherShellTests {
    func check(_ shell: Shell, program: Program, _ flag: String) throws -> Outcome {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }  // left over: harmless
        let script = directory.appendingPathComponent("script")
        try program.completionScript(shell).write(to: script, atomically: true, encoding: .utf8)
        return try execute(try #require(installed(shell.rawValue)), [flag, script.path])
    }

    @Test("zsh reads the script", .enabled(if: installed("zsh") != nil, "zsh is not installed"))
    func zsh() throws {
        let outcome = try check(.zsh, program: demo, "-n")
        #expect(outcome.errors == "" && outcome.status == 0)
        let script = demo.completionScript(.zsh)
        #expect(script.hasPrefix("#compdef demo\n"))
        #expect(script.contains(#"'*--annotation=[attach a note: \[one\] for each use]:KEY=VALUE: '"#) || script.contains(#"'*--annotation=[attach a note\: \[one\] for each use]:KEY=VALUE: '"#))
        #expect(!script.contains("secret") && !script.contains("criu"))
    }

    @Test("fish reads the script, and offers what it should", .enabled(if: installed("fish") != nil, "fish is not installed"))
    func fish() throws {
        let outcome = try check(.fish, program: demo, "-n")
        #expect(outcome.errors == "" && outcome.status == 0)
        let script = demo.completionScript(.fish)
        #expect(!script.contains("secret") && !script.contains("-l criu"))
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }  // left over: harmless
        try script.write(to: directory.appendingPathComponent("script"), atomically: true, encoding: .utf8)
        try writeContainerLister(to: directory)
        func offers(_ line: String) throws -> [String] {
            let outcome = try execute(
                try #require(installed("fish")), ["--no-config", "-c", "source script; complete -C'\(line)'"], in: directory,
                environment: ["HOME": directory.path, "PATH": directory.path + ":/usr/bin:/bin"])
            #expect(outcome.errors == "")
            return outcome.output.split(separator: "\n").map { String($0.split(separator: "\t")[0]) }.sorted()
        }
        #expect(try offers("demo ") == ["completion", "create", "exec", "help", "kill", "list", "man", "mounts", "run", "spec"])
        #expect(try offers("demo --root /x --debug l") == ["list"])
        #expect(try offers("demo list --format ") == ["json", "table"])
        #expect(try offers("demo list --fo") == ["--format"])
        #expect(try offers("demo --root=/x kill web K") == ["KILL"])
        #expect(try offers("demo mounts ") == ["add", "remove"])
        #expect(try offers("demo create --version") == [])
        #expect(try offers("demo kill w") == ["web1", "web2"])
        #expect(try offers("demo --root /x kill ") == ["of-/x"])
    }
}
