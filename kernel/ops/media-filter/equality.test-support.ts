import type { JsonObject } from '../../canonical.ts'
import { anyByte, type EqualityContract, type Fill, filledOperand } from '../equality.test-support.ts'

const filter = (
  name: string,
  args: JsonObject,
  [rows, columns]: readonly [number, number],
  fill: Fill,
  first = 0,
  count = 1,
): EqualityContract => ({
  name,
  args,
  operands: () => ({ image: filledOperand('uint8', [rows, columns, 4], 9, fill) }),
  first,
  count,
})

export const CONTRACTS: readonly EqualityContract[] = [
  filter('one pixel', { filter: 'blur' }, [1, 1], anyByte),
  filter('the widest blur, several tiles', { filter: 'blur', sigma: 32 }, [150, 200], anyByte, 0, 4),
  filter('white stays white', { filter: 'blur', sigma: 7.3 }, [20, 30], () => 0xff),
  filter('sharpen', { filter: 'sharpen', sigma: 1.2, amount: 16 }, [61, 47], anyByte),
  filter('edges', { filter: 'edge' }, [45, 67], anyByte),
  filter('enlarge', { filter: 'resize', width: 301, height: 203 }, [13, 17], anyByte, 0, 3),
  filter('shrink', { filter: 'resize', width: 9, height: 5 }, [300, 211], anyByte),
  filter(
    'shrink one way, enlarge the other',
    { filter: 'resize', width: 500, height: 3 },
    [180, 20],
    anyByte,
  ),
]
