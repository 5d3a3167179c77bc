import { setFlagsFromString } from 'node:v8'

/**
 * Keeps what lives shortly out of the old generation. After a rush V8 takes sites whose objects outlived it for sites of
 * long-lived ones, and places in the old generation from then on what dies within milliseconds. What such an object points to
 * (the bytes of results) is kept with it until the next full collection, and full collections become several times as
 * frequent: they are what agents wait for longest. To be called before anything is optimised.
 */
export function tuneCollector(): void {
  setFlagsFromString('--no-allocation-site-pretenuring')
}
