/**
 * Every way in which facts may arrive: in any order, some of them twice, and in batches of any
 * size.
 */
import fc from "fast-check";

export function shuffledGroups<T>(facts: readonly T[]): fc.Arbitrary<T[][]> {
  const twice = [...facts, ...facts];
  return fc
    .tuple(
      fc.shuffledSubarray(twice, { minLength: 0, maxLength: twice.length }),
      fc.shuffledSubarray([...facts], { minLength: facts.length, maxLength: facts.length }),
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: twice.length + facts.length }),
    )
    .map(([some, all, sizes]) => {
      // Each at least once, whatever the others repeat.
      const order = [...some, ...all];
      const groups: T[][] = [];
      for (const size of sizes) {
        if (order.length === 0) break;
        groups.push(order.splice(0, size));
      }
      return groups;
    });
}
