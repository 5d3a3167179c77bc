import type { Socket } from 'node:net'
import { HostCap } from '../core/host-cap.ts'
import type { DoorMeter } from '../observe/door-meter.ts'
import type { ClientAddress } from './client-address.ts'
import { AGENT_LIMITS, HTTP_LIMITS } from './limits.ts'

/**
 * Closes connections of a host that has too many, before anything is read from them: nobody takes all the room that the
 * server has. Behind a trusted proxy that is the proxy's to do, since all connections are its own.
 * @param socketsPerHost agents' sockets that one address may have; undefined: AGENT_LIMITS
 */
export function createConnectionGate(ports: {
  readonly clientAddress: Pick<ClientAddress, 'isShared'>
  readonly meter: Pick<DoorMeter, 'connectionRefused'>
  readonly socketsPerHost: number | undefined
}): (socket: Socket) => void {
  const { clientAddress, meter, socketsPerHost = AGENT_LIMITS.sockets_per_host } = ports
  const hosts = new HostCap(HTTP_LIMITS.connections_per_host + 4 * socketsPerHost)
  return (socket) => {
    const { remoteAddress } = socket
    if (remoteAddress === undefined || clientAddress.isShared(remoteAddress)) return
    if (hosts.hold(socket, remoteAddress)) return
    meter.connectionRefused('address_full')
    socket.destroy()
  }
}
