'use client'

import { type InfiniteData, type QueryKey, useInfiniteQuery } from '@tanstack/react-query'

interface Page<T> {
  readonly items: T[]
  readonly next_cursor: string | null
}

interface PagesOptions<T> {
  readonly queryKey: QueryKey
  /** @param cursor of the page before; undefined for the first page */
  readonly fetchPage: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>
  readonly first?: Page<T>
  /** Milliseconds until the loaded pages are asked for again, or false. */
  readonly refetchInterval?: (items: readonly T[]) => number | false
}

/**
 * A list that is read page by page with a cursor. Not `infiniteQueryOptions` of tRPC: it adds a direction to the input,
 * and the API refuses what it does not know.
 */
export function usePages<T>({ queryKey, fetchPage, first, refetchInterval }: PagesOptions<T>) {
  const query = useInfiniteQuery<
    Page<T>,
    Error,
    InfiniteData<Page<T>, string | undefined>,
    QueryKey,
    string | undefined
  >({
    queryKey,
    queryFn: ({ pageParam, signal }) => fetchPage(pageParam, signal),
    initialPageParam: undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    ...(first === undefined ? {} : { initialData: { pages: [first], pageParams: [undefined] } }),
    refetchInterval: ({ state }) =>
      refetchInterval?.(state.data?.pages.flatMap((page) => page.items) ?? []) ?? false,
  })
  return { ...query, items: query.data?.pages.flatMap((page) => page.items) }
}
