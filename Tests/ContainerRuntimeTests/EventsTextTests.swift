import Cgroups
import ContainerRuntime
import Diagnostics
import Foundation
import JSON
import Kernel
import Testing

@Suite("events as runc prints them")
struct EventsTextTests {
    @Test("nothing is known: the members that are never left out")
    func empty() {
        #expect(
            statisticsEvent(id: "web", CgroupStatistics(), interfaces: [])
                == #"{"type":"stats","id":"web","data":{"cpu":{"usage":{"kernel":0,"user":0},"throttling":{}},"#
                + #""cpuset":{"cpu_exclusive":0,"mem_hardwall":0,"mem_exclusive":0,"memory_migrate":0,"memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,"sched_load_balance":0,"sched_relax_domain_level":0},"#
                + #""memory":{"usage":{"limit":0,"failcnt":0},"swap":{"limit":0,"failcnt":0},"kernel":{"limit":0,"failcnt":0},"kernelTCP":{"limit":0,"failcnt":0}},"#
                + #""pids":{},"blkio":{},"hugetlb":{},"intel_rdt":{},"network_interfaces":[]}}"#)
        #expect(outOfMemoryEvent(id: "web") == #"{"type":"oom","id":"web"}"#)
    }

    @Test("memory pressure, by the kernel's word and by the time lost")
    func pressure() {
        var lost = Pressure()
        lost.some.average10 = "16.25"
        lost.some.total = 325000
        #expect(memoryPressureEvent(id: "web", .level("medium")) == #"{"type":"pressure","id":"web","data":{"resource":"memory","level":"medium"}}"#)
        #expect(
            memoryPressureEvent(id: "web", .lost(lost))
                == #"{"type":"pressure","id":"web","data":{"resource":"memory","psi":{"some":{"avg10":16.25,"avg60":0,"avg300":0,"total":325000},"#
                + #""full":{"avg10":0,"avg60":0,"avg300":0,"total":0}}}}"#)
    }

    @Test("every member")
    func complete() throws {
        var usage = CgroupStatistics()
        let files = [
            "cpu.stat": "usage_usec 3\nuser_usec 2\nsystem_usec 1\nnr_periods 9\nnr_throttled 4\nthrottled_usec 55\n",
            "cpu.pressure": "some avg10=1.23 avg60=0.45 avg300=0.06 total=789\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=12\n",
            "memory.current": "5\n", "memory.peak": "7\n", "memory.max": "max\n", "memory.stat": "file 6\n", "pids.current": "3\n", "pids.max": "4\n",
            "io.stat": "8:16 rbytes=1 wios=0\n", "hugetlb.2MB.current": "8\n", "cpuset.cpus.effective": "0-1\n", "cpuset.mems.effective": "0\n",
        ]
        usage.addVersion2(Set(files.keys)) { files[$0] }
        usage.cpu?.totalOfCPU = [1, 2]
        let text = statisticsEvent(id: "a\"b", usage, interfaces: [InterfaceStatistics(name: "eth0", received: [1, 2, 3, 4], sent: [5, 6, 7, 8])])
        #expect(
            text
                == #"{"type":"stats","id":"a\"b","data":{"cpu":{"usage":{"total":3000,"percpu":[1,2],"kernel":1000,"user":2000},"throttling":{"periods":9,"throttledPeriods":4,"throttledTime":55000},"#
                + #""psi":{"some":{"avg10":1.23,"avg60":0.45,"avg300":0.06,"total":789},"full":{"avg10":0.00,"avg60":0.00,"avg300":0.00,"total":12}}},"#
                + #""cpuset":{"cpus":[0,1],"cpu_exclusive":0,"mems":[0],"mem_hardwall":0,"mem_exclusive":0,"memory_migrate":0,"memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,"sched_load_balance":0,"sched_relax_domain_level":0},"#
                + #""memory":{"cache":6,"usage":{"limit":18446744073709551615,"usage":5,"max":7,"failcnt":0},"swap":{"limit":0,"failcnt":0},"kernel":{"limit":0,"failcnt":0},"kernelTCP":{"limit":0,"failcnt":0},"raw":{"file":6}},"#
                + #""pids":{"current":3,"limit":4},"blkio":{"ioServiceBytesRecursive":[{"major":8,"minor":16,"op":"Read","value":1}],"ioServicedRecursive":[{"major":8,"minor":16,"op":"Write"}]},"#
                + #""hugetlb":{"2MB":{"usage":8,"failcnt":0}},"intel_rdt":{},"network_interfaces":[{"Name":"eth0","RxBytes":1,"RxPackets":2,"RxErrors":3,"RxDropped":4,"TxBytes":5,"TxPackets":6,"TxErrors":7,"TxDropped":8}]}}"#)
        _ = try JSONDocument(parsing: Array(text.utf8), source: "event")
    }

    @Test("interfaces, whatever their names")
    func interfaces() {
        let text = """
            Inter-|   Receive                                                |  Transmit
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
                lo:   12154     338    0    0    0     0          0         0    12154     338    0    0    0     0       0          0
              a:b: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
              bad: 1 2 3
              x: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 99999999999999999999

            """
        #expect(
            InterfaceStatistics.parse(text) == [
                InterfaceStatistics(name: "lo", received: [12154, 338, 0, 0], sent: [12154, 338, 0, 0]),
                InterfaceStatistics(name: "a:b", received: [1, 2, 3, 4], sent: [9, 10, 11, 12]),
            ])
    }
}
