import Foundation
import Testing

/// The built program from outside: what it prints, where, and how it ends.
@Suite("cale", .enabled(if: builtProgram("cale") != nil, "cale was not built"))
struct CaleTests {
    let program = builtProgram("cale") ?? ""

    @Test func help() throws {
        for arguments in [[], ["--help"], ["help"]] as [[String]] {
            let outcome = try execute(program, arguments)
            #expect(outcome.status == 0 && outcome.errors == "")
            #expect(outcome.output.hasPrefix("cale - run containers from OCI bundles\n\nUsage: cale [global options] COMMAND [options] [arguments]\n"))
            #expect(!outcome.output.contains("\u{1B}"), "stdout is no terminal")
        }
        for command in [
            "create", "start", "state", "kill", "delete", "run", "exec", "list", "ps", "pause", "resume", "update", "events", "spec", "features", "plan",
            "help", "completion", "man",
        ] {
            let outcome = try execute(program, [command, "--help"])
            #expect(outcome.status == 0 && outcome.errors == "")
            #expect(outcome.output.hasPrefix("cale \(command) - "))
            #expect(outcome.output.contains("\nExamples:\n  # "), "every command has an example")
            #expect(!outcome.output.contains("%prog"))
            for line in outcome.output.split(separator: "\n") where line.hasPrefix("   ") { #expect(line.count <= 80) }
        }
    }

    @Test("the options of runc and crun are there", arguments: [
        ("create", "--bundle -b --config -f --pid-file --console-socket --pidfd-socket --preserve-fds --no-pivot --no-new-keyring"),
        (
            "run",
            "--bundle -b --config -f --pid-file --console-socket --pidfd-socket --preserve-fds --no-pivot --no-new-keyring --no-subreaper --detach -d --keep"
        ),
        (
            "exec",
            "--process -p --cwd --env -e --tty -t --user -u --additional-gids -g --detach -d --pid-file --console-socket --pidfd-socket --process-label --apparmor --no-new-privs --cap -c --preserve-fds --cgroup --ignore-paused"
        ),
        ("kill", "--all -a"), ("delete", "--force -f --regex"), ("list", "--format -f --quiet -q"), ("spec", "--bundle -b --rootless"),
        ("ps", "--format -f"), ("events", "--stats --interval"),
        (
            "update",
            "--resources -r --blkio-weight --cpu-period --cpu-quota --cpu-burst --cpu-share --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --memory --memory-reservation --memory-swap --pids-limit --cpu-idle"
        ),
        ("plan", "--bundle -b --config --format"), ("--help", "--root --log --log-format --debug --systemd-cgroup --cgroup-manager --rootless"),
    ])
    func options(command: String, options: String) throws {
        let text = try execute(program, [command, "--help"]).output
        for option in options.split(separator: " ") { #expect(text.contains(" " + option + " ") || text.contains(" " + option + ","), "\(option)") }
    }

    @Test func refusals() throws {
        let outcome = try execute(program, ["crate"])
        #expect(outcome.status == 1 && outcome.output == "")
        #expect(outcome.errors == "cale: read command \"crate\": no such command; hint: did you mean create? see cale --help\n")
        #expect(try execute(program, ["--criu", "/x", "--version"]).status == 0)
        #expect(try execute(program, ["--help"]).output.contains("--criu FILE"))
    }

    @Test("what the command line of exec refuses", arguments: [
        (["web"], "read arguments: COMMAND is missing; hint: or describe the process in a file: --process FILE"),
        (["--cwd", "tmp", "web", "ls"], "read option \"--cwd\": \"tmp\" is not an absolute path"),
        (["-e", "A", "web", "ls"], "read option \"--env\": \"A\" is not NAME=value"),
        (["-e", "=x", "web", "ls"], "read option \"--env\": \"=x\" is not NAME=value"),
        (["-g", "1,x", "web", "ls"], "read option \"--additional-gids\": \"x\" is not a group id"),
        (["--cgroup", ":a", "web", "ls"], "read option \"--cgroup :a\": the controller before \":\" is missing"),
        (["--preserve-fds", "x", "web", "ls"], "read option \"--preserve-fds\": \"x\" is not a whole number"),
        (["a/b", "ls"], "use container id \"a/b\": a container id consists of letters, digits, \"_\", \"+\", \"-\" and \".\"; hint: the id is a name of your choice; --bundle names the bundle"),
    ])
    func execRefusals(arguments: [String], text: String) throws {
        let outcome = try execute(program, ["exec"] + arguments)
        let id = arguments.first { !$0.hasPrefix("-") && ["web", "a/b"].contains($0) } ?? ""
        #expect(outcome.status == 255 && outcome.output == "" && outcome.errors == "cale: exec \"\(id)\": \(text)\n")
    }

    @Test("what people write who know docker and kill(1)")
    func habits() throws {
        let runs = "the program and its terminal are what config.json says (process.args, process.terminal); see cale run --help"
        #expect(try execute(program, ["run", "web", "ls"]).errors == "cale: run: read argument \"ls\": only one argument is expected; hint: \(runs)\n")
        #expect(try execute(program, ["run", "-i", "web"]).errors == "cale: run: read option \"-i\": no such option; hint: \(runs)\n")
        #expect(
            try execute(program, ["kill", "-9", "web"]).errors
                == "cale: kill: read option \"-9\": no such option; hint: the signal stands behind the container, without a dash; see cale kill --help\n")
    }

    @Test("exec into what is not there")
    func execMissing() throws {
        let outcome = try execute(program, ["--root", "/nonexistent/cale", "exec", "web", "ls"])
        #expect(outcome.status == 255)
        #expect(
            outcome.errors
                == "cale: exec \"web\": open container \"web\": container does not exist; hint: there is no state root /nonexistent/cale: did you mean another --root?\n")
    }

    @Test("values of update that cannot be limits, with the option's name", arguments: [
        (["--memory", "5X"], #"read option "--memory": "5X" is no number of bytes such as 5M or 1.5GiB; -1 means no limit"#),
        (["--pids-limit", "many"], #"read option "--pids-limit": "many" is not a whole number"#),
        (["--cpu-quota", "5"], #"read option "--cpu-quota": 5 microseconds are below the least quota of 1000"#),
        (["--cpu-idle", "2"], #"read option "--cpu-idle": 2 is out of range (0 or 1)"#),
        (["--cpu-share", "-1"], #"read option "--cpu-share": -1 is out of range (0 to 18446744073709551615)"#),
        (["--cpuset-cpus", "a"], #"read option "--cpuset-cpus": "a" is no list of numbers and ranges such as "0-3,7""#),
        (["--memory", "5M", "--memory-swap", "4M"], #"read option "--memory-swap": 4194304 is below the memory limit of 5242880: it limits memory and swap together"#),
        (["--l3-cache-schema", "L3:0=f\nMB:0=20"], #"read option "--l3-cache-schema": "L3:0=f\nMB:0=20" contains a line break"#),
        (["--mem-bw-schema", "L3:0=f"], #"read option "--mem-bw-schema": "L3:0=f" does not begin with "MB:""#),
        ([], #"update container "x": no limit is named; hint: use an option such as --memory, or --resources FILE"#),
        (["--resources", "/nonexistent"], #"read "/nonexistent": No such file or directory (ENOENT)"#),
        (["--resources", "-"], #"parse "stdin": the file is empty"#),
    ] as [([String], String)])
    func limits(options: [String], message: String) throws {
        let outcome = try execute(program, ["--root", "/nonexistent", "update"] + options + ["x"])
        #expect(outcome.status == 1 && outcome.errors == "cale: " + message + "\n")
    }

    @Test func interval() throws {
        for text in ["0s", "5", "soon"] {
            #expect(
                try execute(program, ["events", "--interval", text, "x"]).errors
                    == "cale: read option \"--interval\": \"\(text)\" is no time above 0 such as 5s or 500ms\n")
        }
    }

    @Test func version() throws {
        let lines = try execute(program, ["--version"]).output.split(separator: "\n")
        #expect(lines.dropLast() == ["cale version 0.1.0", "commit: unknown", "spec: 1.3.0"])
        #expect(lines.last?.wholeMatch(of: /libseccomp: \d+\.\d+\.\d+/) != nil)
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }  // left over: harmless
        let link = directory.appendingPathComponent("runc")
        try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: program)
        #expect(try execute(link.path, ["-v"]).output.hasPrefix("runc version 0.1.0\n"))
        #expect(try execute(link.path, ["x"]).errors.hasPrefix("runc: read command \"x\""))
    }

    @Test("a stdout that takes nothing is a failure")
    func lostOutput() throws {
        let bash = try #require(installed("bash"))
        let full = try execute(bash, ["-c", "\"$0\" --help >/dev/full", program])
        #expect(full.status == 1 && full.errors == "cale: write to \"stdout\": No space left on device (ENOSPC)\n")
        let closed = try execute(bash, ["-c", "\"$0\" --help >&-", program])
        #expect(closed.status == 1 && closed.errors == "cale: write to \"stdout\": Bad file descriptor (EBADF)\n")
        // the reader of the pipe has ended
        let alone = "d=$(mktemp -d); mkfifo $d/pipe; : < $d/pipe & exec 3> $d/pipe; wait $!; rm -r $d; \"$0\" --help >&3; echo \"status $?\" >&2"
        let ignored = try execute(bash, ["-c", "trap '' PIPE; " + alone, program])
        #expect(ignored.errors == "cale: write to \"stdout\": Broken pipe (EPIPE)\nstatus 1\n")
        let killed = try execute(bash, ["-c", alone, program])
        #expect(killed.errors.contains("status 141"), "SIGPIPE")
    }

    @Test("bold headings on a terminal, unless NO_COLOR or TERM say otherwise", .enabled(if: installed("script") != nil, "script is not installed"))
    func terminal() throws {
        func isBold(_ environment: [String: String]) throws -> Bool {
            try execute(try #require(installed("script")), ["-qec", "'\(program)' --help", "/dev/null"], environment: environment).output.contains("\u{1B}[1m")
        }
        #expect(try isBold(["TERM": "xterm", "NO_COLOR": ""]))
        #expect(try !isBold(["TERM": "xterm", "NO_COLOR": "1"]))
        #expect(try !isBold(["TERM": "dumb", "NO_COLOR": ""]))
    }

    /// The pages of `man --list` with the commands that print them.
    private func pages() throws -> [(name: String, command: [String])] {
        try execute(program, ["man", "--list"]).output.split(separator: "\n").map { name in
            (String(name), name == "cale" ? [] : [String(name.dropFirst("cale-".count))])
        }
    }

    @Test("every option that help shows is on the page, and in every completion")
    func everyOption() throws {
        let pages = try pages()
        #expect(pages.count == 22, "the program, 18 commands, help, completion, man")
        let scripts = try ["bash", "zsh", "fish"].map { ($0, try execute(program, ["completion", $0]).output) }
        var seen = 0
        for (name, command) in pages {
            let help = try execute(program, command + ["--help"]).output
            let page = try execute(program, ["man"] + command).output
            for section in ["NAME", "SYNOPSIS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"] { #expect(page.contains(".SH \"\(section)\"\n"), "\(name): \(section)") }
            let start = try #require(help.range(of: command.isEmpty ? "\nGlobal options:\n" : "\nOptions:\n"))
            for line in help[start.upperBound...].prefix(while: { $0 != "\u{0}" }).split(separator: "\n", omittingEmptySubsequences: false) {
                if line.isEmpty { break }
                guard let word = line.split(separator: " ").first(where: { $0.hasPrefix("--") }), line.hasPrefix("  -") || line.hasPrefix("      --") else { continue }
                seen += 1
                let option = word.dropFirst(2)
                #expect(page.contains("\\fB\\-\\-" + option.replacingOccurrences(of: "-", with: "\\-") + "\\fR"), "\(name): \(word) is not on the page")
                for (shell, script) in scripts {
                    let found: Bool =
                        switch shell {
                        case "bash": script.split(separator: "\n").contains { line in
                            line.hasPrefix("    \(command.first ?? "*")) list=(") && line.split { " ()".contains($0) }.contains(word)
                        }
                        case "zsh": script.contains("\(word)[") || script.contains("\(word)=[")
                        default: script.split(separator: "\n").contains { line in
                            (command.isEmpty || option == "help" || line.contains("__cale_command \(command[0])'") || line.contains("__cale_command \(command[0]) "))
                                && line.contains(" -l \(option) ")
                        }
                        }
                    #expect(found, "\(name): \(word) is not in the completion for \(shell)")
                }
            }
        }
        #expect(seen > 110)
    }

    @Test("man and the shells read what is printed for them")
    func generated() throws {
        for (_, command) in try pages() {
            let page = try execute(program, ["man"] + command)
            #expect(page.status == 0 && page.output.hasPrefix(".TH \"CALE"))
            guard let man = installed("man") else { continue }
            let directory = try temporaryDirectory()
            defer { try? FileManager.default.removeItem(at: directory) }  // left over: harmless
            let file = directory.appendingPathComponent("page.1")
            try page.output.write(to: file, atomically: true, encoding: .utf8)
            let outcome = try execute(man, ["--warnings", "-l", file.path], environment: ["MANPAGER": "cat", "LC_ALL": "C.UTF-8"])
            #expect(outcome.errors == "" && outcome.status == 0)
            guard let mandoc = installed("mandoc") else { continue }
            let findings = try execute(mandoc, ["-T", "lint", "-W", "warning", file.path])
            // a page that is made anew each time has no date
            #expect((findings.output + findings.errors).split(separator: "\n").allSatisfy { $0.contains("missing date") })
        }
        for shell in ["bash", "zsh", "fish"] {
            let script = try execute(program, ["completion", shell])
            #expect(script.status == 0 && !script.output.isEmpty)
            guard let path = installed(shell) else { continue }
            let directory = try temporaryDirectory()
            defer { try? FileManager.default.removeItem(at: directory) }  // left over: harmless
            let file = directory.appendingPathComponent("script")
            try script.output.write(to: file, atomically: true, encoding: .utf8)
            let outcome = try execute(path, ["-n", file.path])
            #expect(outcome.errors == "" && outcome.status == 0)
        }
    }
}
