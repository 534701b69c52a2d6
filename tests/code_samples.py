"""A small source file in each language that can be cut, with what is hard about it."""

SAMPLES = {}
SAMPLES["python"] = '''#!/usr/bin/env python
# -*- coding: utf-8 -*-
"""What it is.

# no comment
"""
from __future__ import annotations
import os, sys; import re

# why
LIMIT = 10  # most
TABLE = {
    "a": 1,

    "b": 2,
}


@decorated(
    1,
)
class Shape(Base, metaclass=Meta):
    """A shape."""

    name: str = "x"  # its name
    size = (1 +
            2)

    def area(self, scale: int = 1) -> int: return self.size * scale

    @property
    async def wide(self):
        """Say how wide.

        Args:
            none: there are "none".
        """
        # count
        total = 0; more = 1
        text = """
# no comment

        more"""
        if total: more = 2
        elif more:
            return [x for x in text if x]
        else: pass
        try:
            risky()
        except (A, B) as error:
            raise C from error
        finally:
            end()
        match total:
            case 1:
                one()
            # two
            case [_, *rest] if rest:
                two()
        async with lock, other as o:
            await o
        def inner(x):
            nonlocal total
            return x
        f = lambda: (yield)
        long = 1 + \\
            2
        return f"{total!r:>{more}} {text}"

    def nothing(self):
        """Do nothing, as the docstring says."""

    def lonely(self): ...

    class Inner: x = 1
if sys.version_info > (3,):
    def late():
        return os.name + sys.platform + "x"
else:
	def late():
		return re.compile(LIMIT).pattern
if __name__ == "__main__":
    Shape().area(1)  # done
    sys.exit(late())'''
SAMPLES["javascript"] = """#!/usr/bin/env node
// the routes
import express from "express";
const { a, b } = require("c"), LIMIT = 10;

/* one */ let state = {}; let other = 1

export const load = async (path) => {
  const text = await read(path) // reads
  if (!text) return null

  ;[1, 2].forEach((x) => { use(x) })
  let y = x
  done()
  ;(function () { go() })()
  let z = /a#\\/b/.test(text)
  drop()
  `tag`.length
  return `a ${text}

  // not a comment
  `
};

class Box extends Base {
  size = 1;
  #secret
  static { setUp(); setUpMore(); finish() }
  constructor(size) { super(); this.size = size; this.#secret = size * 2 }
  /** Opens it. */
  open() {
    switch (this.size) {
      case 1: go(); break;
      default: stay();
    }
    try { risky() } catch (e) { log(e) } finally { end() }
    for (const x of y) z(x), w(x);
    do step(); while (more())
    label: while (true) break label
  }
}
module.exports = { run: function () { first(); second(); third(); fourth(); }, Box };
"""
SAMPLES["typescript"] = """import { A } from "a";
import type { B } from './b';

/** What it is. */
export interface Shape extends Base {
  name: string; // its name
  size?: number,
  area(scale: number): number
}
type Pair<T> = { left: T; right: T };
enum Color { Red, Green }
export abstract class Circle<T> implements Shape {
  private readonly x: number = 1;
  @Input() label!: string;
  @Output()
  changed = new Emitter<string>();
  constructor(private radius: number, public name = "x") { super(radius); this.check(radius); }
  abstract foo(): void;
  get area(): number {
    const r = this.radius as number;
    // squared
    return r * r * 3;
  }
}
declare module "x" { const y: number; }
namespace N {
  export function f(a: string): a is "b" { const c = <any>a; return c === "b"; }
}
export default function main<T extends object>(x: T): Promise<T> {
  if (x) { return one(x); } else if (x!) two(x);
  return three({ ...x }) satisfies unknown;
}
"""
SAMPLES["tsx"] = """import React from "react";
export const App = ({ name }: Props) => {
  const [value, setValue] = React.useState<string>("");
  // shown
  useEffect(() => {
    setValue(name);
  }, [name]);
  return (
    <div className="a">
      {/* comment */}
      Text with # and // in it
      {value.map((x) => { return <b key={x}>{x}</b>; })}
    </div>
  );
};
function Other(): JSX.Element { const x = 1; const y = 2; return <><A /></>; }
"""
SAMPLES["java"] = '''// licence
package a.b;

import java.util.List;
import static a.C.*;

/**
 * A shape.
 */
@Entity
@Table(name = "x")
public final class Shape<T extends A> extends B implements C {
  private static final int LIMIT = 1; // most
  @Inject
  private List<String> names = new ArrayList<>();
  static { register(Shape.class); register(Other.class); }

  public Shape(int size) { super(size); this.size = size; check(size); }

  /* two */
  @Override
  public int area(final int scale) throws IOException {
    int total = 0;
    for (String name : names) { total += name.length(); }
    switch (scale) { case 1: total++; break; default: total--; }
    String s = switch (scale) { case 1 -> "a"; default -> { yield "b"; } };
    try (Reader r = open()) { r.read(); } catch (A | B e) { log(e); } finally { close(); }
    Runnable r = () -> { go(); };
    synchronized (this) { total = """
        text // no comment

        """.length(); }
    return total;
  }
  enum Kind { ONE(1), TWO; private int x; Kind(int i) { this.x = i; this.y = i * 2; } int z() { return 1; } }
  interface Inner { int f(); default int g() { return 1; } }
  record Point(int x, int y) { Point { check(x, y); check(y, x); } }
  abstract void none();
}
@interface Mark { int value() default 1; }
'''
SAMPLES["c"] = """/* licence */
#include <stdio.h>
#include "a.h"
#define LIMIT 10
#define SWAP(a, b) \\
  do { int t = a; \\
       a = b; \\
       b = t; } while (0)

#ifndef A_H
#define A_H
struct point { int x; /* one */ int y; };
typedef struct { char *name; } thing_t;
static int helper(const char *name, int n);
#ifdef DEBUG
int debug(void) { printf("debugging on\\n"); return 1; }
#else
int debug(void) { printf("debugging off\\n"); return 0; }
#endif
int values[] = { 1, 2, 3 };

int main(int argc, char **argv) {
  int i = 0, *p = &i; // counts
  for (i = 0; i < argc; i++) { puts(argv[i]); }
#ifdef DEBUG
  debug();
  debug();
#endif
  if (i) { goto end; } else helper("x", 1);
  switch (i) { case 1: i++; break; case 2: { i--; } default: break; }
  while (i--) ;
  *p = 3;
end:
  return 0;
}
#endif
"""
SAMPLES["cpp"] = """#include <vector>
using namespace std;
namespace shapes {
// base
template <typename T> class Shape : public Base<T> {
 public:
  Shape(int x) : x_(x), y_(0) { check(x); check(x + 1); check(x + 2); }
  virtual ~Shape() = default;
  virtual double area() const override { return x_ * 2.0; }
  int operator()(int a) { log(a); return a; }
 private:
  int x_;
  static constexpr int kMax = 3; /* most */
};
enum class Color { Red, Green };
template <typename T> T Shape<T>::twice(T x) {
  auto f = [&](int y) { return y + x; };
  try { risky(); } catch (const std::exception &e) { log(e); }
  for (auto &v : values) v.run();
  const char *s = R"(raw // text

  )";
  if constexpr (true) { one(); } else { two(); }
  return f(x);
}
}  // namespace shapes
extern "C" { int g(void); }
int main() {
  std::vector<int> v{1, 2};
  return v.size();
}
"""
SAMPLES["go"] = """// Package main runs.
package main

import (
	"fmt"
	"os" // system
)

const limit = 10

var (
	names = []string{"a"}
	count int
)

// Shape has an area.
type Shape struct {
	Name string `json:"name"`
	Size int // in metres
}
type Sized interface {
	Area() (int, error)
}

func (s *Shape) Area(scale int) (total int, err error) {
	// sum up
	for i := 0; i < scale; i++ { total += i }
	if s.Size > 1 { return 2, nil } else if s.Size == 0 { total++ }
	switch x := any(s).(type) {
	case int: fmt.Println(x)
	default: total--
	}
	select { case <-done: return; default: }
	go func() { fmt.Println("x"); fmt.Println("y") }()
	defer close(s)

	text := `raw

// no comment`
	*p = 3
	<-done
loop:
	for { break loop }
	return len(text), nil
}
func main() { fmt.Println(os.Args); fmt.Println(names); os.Exit(1) }
"""
SAMPLES["rust"] = """//! Shapes.
#![allow(dead_code)]
use std::io::{self, Read};

/// A shape.
#[derive(Debug, Clone)]
pub struct Shape<'a> {
    name: &'a str, // its name
    /// In metres.
    size: u32
}
enum Kind { One, Two(i32) }
const LIMIT: usize = 10;
static NAMES: &[&str] = &["a"];

impl<'a> Shape<'a> {
    pub fn new(name: &'a str) -> Self {
        let size = 1;
        match size { 1 => { log(); } _ => other(), }
        if let Some(x) = find() { use_it(x); } else { none(); }
        /* outer /* inner */ */
        let f = |x: i32| -> i32 { let y = x; y + 1 };
        for i in 0..10 { println!("{}", i); }
        let s = r#"raw // text

        "#;
        #[cfg(test)]
        let t = 2;
        unsafe { danger(); }
        *self.x = 1;
        Self { name, size }
    }
}
trait Area { fn area(&self) -> u32; fn twice(&self) -> u32 { self.area() * 2 + self.area() } }
mod inner { pub fn help() { println!("one"); println!("two"); } }
macro_rules! square { ($x:expr) => { $x * $x }; }
#[test]
fn works() -> Result<(), Error> { let x = run()?; assert_eq!(x, 1); Ok(()) }
"""
