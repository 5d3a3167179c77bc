// Loaded before a program that is measured: when it ends, writes what it has used to file descriptor 3.
import { writeSync } from 'node:fs'

process.on('exit', () => {
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage()
  writeSync(3, JSON.stringify({ rss_kib: maxRSS, cpu_us: userCPUTime + systemCPUTime }))
})
