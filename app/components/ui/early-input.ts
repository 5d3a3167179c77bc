import { type RefObject, useEffect, useRef } from 'react'

/**
 * What was typed, or filled in by a password manager, before the page came alive: without this the first render after
 * it would empty the field. Give the ref to the input.
 */
export function useEarlyInput(onChange: (value: string) => void): RefObject<HTMLInputElement | null> {
  const input = useRef<HTMLInputElement>(null)
  const heard = useRef(onChange)
  heard.current = onChange
  useEffect(() => {
    const value = input.current?.value ?? ''
    if (value !== '') heard.current(value)
  }, [])
  return input
}
