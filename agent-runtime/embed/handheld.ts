/** The part of the User-Agent Client Hints API that is read; Firefox and Safari have none. */
interface UserAgentData {
  readonly mobile: boolean
}

/** What of `navigator` tells phones and tablets from other computers. */
export interface NavigatorSigns {
  readonly userAgent: string
  readonly maxTouchPoints: number
  readonly userAgentData?: UserAgentData
}

/**
 * Whether this is a phone or a tablet, as far as a browser tells. An iPad says that it is a Mac; no Mac has a touch
 * screen.
 */
export function isHandheld({ userAgent, maxTouchPoints, userAgentData }: NavigatorSigns): boolean {
  return (
    userAgentData?.mobile === true ||
    /Android|iPhone|iPad|iPod|Mobile/.test(userAgent) ||
    (/Macintosh/.test(userAgent) && maxTouchPoints > 1)
  )
}
