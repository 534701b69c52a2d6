"""More of the sample source files: the languages that `code_samples` has not."""

SAMPLES = {}
SAMPLES["csharp"] = """using System;
using static System.Math;

namespace Shapes {
  /// <summary>A shape.</summary>
  [Serializable]
  public sealed class Shape<T> : Base, IShape where T : class {
    private readonly int size = 1; // metres
    public int Size { get; set; } = 2;
    public int Area { get { Log("get"); return size; } set { size = value; } }
    public event EventHandler Changed;
    public Shape(int x) : base(x) { this.size = x; Check(x); }
    public int Twice(int a) => a * 2;
    #region methods
    public async Task<int> Run(string name, CancellationToken token) {
      var list = new List<int> { 1, 2 };
      foreach (var i in list) { Console.WriteLine(i); }
      switch (name) { case "a": Go(); break; default: Stay(); break; }
      try { await Risky(); } catch (Exception e) when (e != null) { Log(e); } finally { End(); }
      using (var f = Open()) { f.Read(); }
      var s = @"text // no comment

      ";
      int Local(int q) { return q; }
      lock (this) { size++; }
      return await Task.FromResult(list.Count);
    }
    #endregion
  }
  interface IShape { int F(); }
  enum Color { Red, Green }
  record Point(int X, int Y);
}
"""
SAMPLES["ruby"] = """#!/usr/bin/env ruby
# frozen_string_literal: true
require 'json'

module Shapes
  # A shape.
  class Shape < Base
    LIMIT = 10
    attr_reader :name, :size

    def initialize(name, size: 1)
      @name = name # its name
      super()
      @size = size
    end

    def area(scale)
      text = <<~TEXT
        # no comment

        more
      TEXT
      return 0 if scale.zero?
      names.each do |name|
        puts name
        puts name
      end
      case scale
      when 1 then one
      else two
      end
      [1, 2].map { |x| x + 1 }
      text.size * scale
    rescue StandardError => e
      warn e.message
      raise
    ensure
      finish
    end

    def self.build(*args) = new(*args)

    private

    def empty?
      unless @size then true else false end
    end
  end
end

=begin
long comment
=end
Shapes::Shape.new("x").area(2) if __FILE__ == $0
"""
SAMPLES["php"] = """<?php
declare(strict_types=1);
namespace App\\Shapes;

use App\\Base;
use App\\{One, Two};

/**
 * A shape.
 */
#[Attribute]
final class Shape extends Base implements Sized {
    use Loggable;
    const LIMIT = 10;
    private ?string $name = null; // its name
    public function __construct(private int $size, string $name = "x") {
        parent::__construct();
        $this->name = $name;
    }
    # area
    public static function area(int $scale): int {
        foreach ([1, 2] as $k => $v) { echo $v; }
        if ($scale): echo "a"; else: echo "b"; endif;
        switch ($scale) { case 1: go(); break; default: stay(); }
        try { risky(); } catch (A | B $e) { log($e); } finally { done(); }
        $text = <<<EOT
        text {$scale} // no comment

        EOT;
        $f = fn($x) => $x + 1;
        $g = function ($x) use ($f) { return $f($x); };
        return match ($scale) { 1 => 2, default => 3 };
    }
    abstract function none();
}
interface Sized { public function size(): int; }
function helper(array $xs, &$y) { $y = count($xs); return $y; }
echo helper([1], $z);
"""
SAMPLES["kotlin"] = '''// licence
package a.b

import a.c.D
import a.c.*

/** A shape. */
@Serializable
data class Shape(val name: String, var size: Int = 1) : Base(), Sized {
    private val limit = 10 // most
    val area: Int
        get() = size * 2
    init {
        check(size > 0)
        register(this)
    }
    override fun twice(scale: Int): Int {
        val list = listOf(1, 2)
        list.map { it + 1 }.forEach { x -> println(x) }
        when (scale) {
            1 -> go()
            else -> { stay() }
        }
        for (i in 0..10) { println(i) }
        try { risky() } catch (e: Exception) { log(e) } finally { done() }
        val text = """
            text // no comment

        """.trimIndent()
        return if (scale > 1) text.length else 2
    }
    fun one() = 1
    companion object {
        const val Q = 1
        fun build(): Shape { val s = Shape("a"); return s.copy(size = 2) }
    }
}
interface Sized { fun twice(scale: Int): Int }
fun main(args: Array<String>) {
    println(args)
    println("x")
}
'''
SAMPLES["swift"] = '''// licence
import Foundation

/// A shape.
public struct Shape: Sized {
    private let name: String // its name
    var size: Int = 1
    var area: Int {
        let x = size * 2
        return x + size
    }
    @State private var on = false

    init(name: String, size: Int) {
        self.name = name
        self.size = size
    }

    func twice(_ scale: Int, by other: Int = 1) throws -> Int? {
        guard scale > 0 else { return nil }
        if let x = find() { use(x) } else { none() }
        switch scale {
        case 1:
            go()
        default:
            stay()
        }
        for i in 0..<10 { print(i) }
        let values = [1, 2].map { $0 + 1 }
        do {
            try risky()
        } catch {
            print(error)
        }
        let text = """
        text // no comment

        """
        return values.count + text.count
    }
}
protocol Sized {
    func twice(_ scale: Int, by other: Int) throws -> Int?
}
extension Shape {
    static func build() -> Shape {
        let s = Shape(name: "a", size: 2)
        return s
    }
}
'''
SAMPLES["scala"] = '''// licence
package a.b

import a.c.{D, E}
import a.d._

/** Shapes. */
object Shapes extends App {
  val limit = 10 // most
  lazy val names: List[String] = List("a")

  def area(scale: Int)(implicit x: Int): Int = {
    val total = scale * 2
    scale match {
      case 1 => go()
      case n if n > 2 => stay(n)
      case _ => other()
    }
    for (i <- 0 to 10) { println(i) }
    names.map { name => name + "x" }
    try { risky() } catch { case e: Exception => log(e) } finally { done() }
    val text = """text // no comment

    """
    if (total > 1) total else text.length
  }
  def one = 1
  def unit() { println("a"); println("b"); println("c") }
}
case class Point(x: Int, y: Int)
sealed trait Sized { def size: Int }
class Box(val size: Int) extends Sized {
  override def toString: String = s"Box($size)"
}
'''
SAMPLES["bash"] = """#!/bin/bash
# sets up
set -euo pipefail
NAME="x"
export PATH=$PATH:/opt

helper() {
  local name=$1 # its name
  echo "start # no comment"
  if [ -z "$name" ]; then
    echo none
  elif [[ $name == a* ]]; then
    echo a
  else
    exit 1
  fi
  for i in a b; do
    echo "$i"
    sleep 1 &
  done
  case $name in
    a) echo one ;;
    *) echo two ;;
  esac
  cat <<EOF > out.txt
text # no comment

EOF
  [ -f x ] && rm x || true
  long command \\
    --with options \\
    --more
}
function other { echo one; echo two; echo three; echo four; }
while read -r line; do
  echo "$line" | tr a b
done < in.txt
helper "$NAME" && other
python - <<'PY'
print(1)
PY
"""
SAMPLES["lua"] = """#!/usr/bin/lua
-- shapes
local json = require "json"
local M = {}
local limit = 10 -- most

--[[ long
comment ]]
local function area(shape, scale)
  local total = 0
  for i = 1, scale do total = total + i end
  if total > 1 then go() elseif total == 0 then stay() else other() end
  for k, v in pairs(shape) do
    print(k, v)
  end
  local x = f
  done()
  ;(g or h)(1)
  repeat step() until finished()
  local text = [[
text -- no comment

]]
  goto finish
  ::finish::
  return total, #text
end
function M.twice(self, x) local y = x * 2; print(y); return y end
function M:run() return self.twice(self, 2) + 1 + 2 + 3 end
M.table = { go = function() print("going on") return 1 end, 2 }
return M
"""
