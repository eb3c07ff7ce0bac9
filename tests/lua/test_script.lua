--- The script host, loaded into a node of this program.
local lares = require "lares"
local check = require "check"

-- Write a script, and return its path; it goes with the returned guard.
local function script(text)
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
    return path, setmetatable({}, {__close = function() os.remove(path) end})
end

-- Load a script into a new node.
local function load_text(text)
    local node = check.node()
    local path, guard <close> = script(text)
    return node, node:load("lua", path)
end

local counter = [[
local lares = require "lares"
local total = 0
local Counter = lares.daemon "counter"
function Counter:init() self.n = 0 end
function Counter:process(event)
    self.n, total = self.n + 1, total + 1
    return self.n .. "/" .. total .. self.argument
end
return lares.main(Counter)
]]

check.test("a script gives its kind to a node", function()
    local node, loaded = load_text(counter)
    check.equal(loaded, true)
    check.equal(node:report("kinds")[1].name, "counter")
    local daemon = node:spawn("counter", {argument = "!"})
    check.equal(daemon:deliver("x")[1].data, "1/1!")
    check.equal(daemon:deliver("x")[1].data, "2/2!")
end)

-- id: LU04
check.test("two instances of a script share nothing", function()
    local node = load_text(counter)
    local a, b = node:spawn "counter", node:spawn "counter"
    check.equal(a:deliver("x")[1].data, "1/1")
    check.equal(a:deliver("x")[1].data, "2/2")
    check.equal(b:deliver("x")[1].data, "1/1")
end)

check.test("a daemon keeps the text that was loaded", function()
    local node = check.node()
    local path, guard <close> = script(counter)
    assert(node:load("lua", path))
    assert(io.open(path, "wb")):close()
    check.equal(node:spawn("counter"):deliver("x")[1].data, "1/1")
end)

check.test("a script may return an array of classes", function()
    local node = load_text [[
        local lares = require "lares"
        local classes = {}
        for i, kind in ipairs {"one", "two"} do
            classes[i] = lares.daemon(kind, {version = i})
            classes[i].process = function() return kind end
        end
        return classes
    ]]
    check.equal(node:spawn("one"):deliver("x")[1].data, "one")
    check.equal(node:spawn("two"):deliver("x")[1].data, "two")
    for _, row in ipairs(node:report "kinds") do
        check.equal(row.version, row.name == "one" and 1 or 2)
    end
end)

check.test("errors of a script are ECALLBACK with frames", function()
    local node = load_text [[#!/usr/bin/env lua
        local lares = require "lares"
        local Bad = lares.daemon "bad"
        function Bad:init()
            if self.argument == "init" then error "no start" end
        end
        function Bad:process(event)
            if event.data == "table" then error {} end
            error("no: " .. event.data)
        end
        return Bad
    ]]
    local daemon = node:spawn "bad"
    check.contains(check.answers("ECALLBACK", daemon:deliver "x"),
        ":9: no: x")
    check.contains(check.answers("ECALLBACK", daemon:deliver "table"),
        "error of type table")
    check.contains(check.answers("ECALLBACK",
        node:spawn("bad", {argument = "init"})), "no start")
    check.equal(#node:report "daemons", 1)
end)

check.test("a script that cannot be loaded says why", function()
    local function refused(text, part)
        local node, loaded, why, code = load_text(text)
        check.contains(check.answers("ESCRIPT", loaded, why, code), part)
        check.equal(#node:report "kinds", 0)
    end
    refused("return (", "unexpected symbol near <eof>")
    refused("error 'on load'", "on load")
    refused("return 7", "returned number, expected a class or an array")
    refused("return {}", "returned table, expected a class")
    refused([[local Half = require "lares".daemon "half"
        function Half:process() end
        function Half:snapshot() end
        return Half]], "half has snapshot and no restore")
    refused("return nil", "returned nil")
    refused("local l = require 'lares' return {l.daemon 'x', 7}",
        "returned number")
    refused("local l = require 'lares' return l.daemon 'x'",
        "x.process is nil, expected a function")
    refused(string.dump(function() end), "attempt to load a binary chunk")
end)

check.test("a script that names a kind twice leaves none", function()
    local node, loaded, text, code = load_text [[
        local lares = require "lares"
        local Same = lares.daemon "same"
        function Same:process() end
        return {Same, Same}
    ]]
    check.contains(check.answers("EEXIST", loaded, text, code), "'same'")
    check.equal(#node:report "kinds", 0)
end)

check.test("a missing file is ENOTFOUND", function()
    check.contains(check.answers("ENOTFOUND",
        check.node():load("lua", "/no/such/file.lua")),
        "/no/such/file.lua: No such file")
    check.answers("ENOTFOUND", check.node():load("lua", ""))
end)

check.test("a script has no nodes", function()
    local node = load_text [[
        local lares = require "lares"
        local Names = lares.daemon "names"
        function Names:process()
            local names = {}
            for name in pairs(lares) do names[#names + 1] = name end
            table.sort(names)
            return table.concat(names, " ")
        end
        return Names
    ]]
    check.equal(node:spawn("names"):deliver("x")[1].data,
        "daemon handler hex main")
end)

check.test("close is called as a script's daemon ends", function()
    local node = load_text [[
        local lares = require "lares"
        local Leave = lares.daemon "leave"
        function Leave:process() end
        function Leave:close()
            local file = io.open(self.argument, "wb")
            file:write "closed"
            file:close()
        end
        return Leave
    ]]
    local path, guard <close> = script ""
    node:spawn("leave", {argument = path}):stop()
    local file <close> = io.open(path, "rb")
    check.equal(file:read "a", "closed")
end)

-- Failure, images ------------------------------------------------------------

local stateful = [[
local lares = require "lares"
local total = 0
local Counter = lares.daemon("counter", {version = 1})
function Counter:init() self.n = 0 end
function Counter:process(event)
    total = total + 1
    self.n = self.n + 1
    if event.data == "bad" then error "bad line" end
    return self.n .. "/" .. total
end
function Counter:snapshot() return string.pack("<I8", self.n) end
function Counter:restore(state) self.n = string.unpack("<I8", state) end
function Counter:upgrade(version, state) return state .. ("\0"):rep(7) end
return Counter
]]

check.test("a rebuilt daemon has a new state, in which nothing is left",
    function()
        local node = load_text(stateful)
        local daemon = node:spawn "counter"
        check.equal(daemon:deliver("x")[1].data, "1/1")
        check.contains(check.answers("ECALLBACK", daemon:deliver "bad"),
            "bad line")
        check.equal(daemon:deliver("x")[1].data, "2/2")
        assert(daemon:snapshot())
        check.answers("ECALLBACK", daemon:deliver "bad")
        check.equal(daemon:deliver("x")[1].data, "3/1")
        check.equal(check.row(node, daemon).diverged, 0)
    end)

-- id: LU04
check.test("a restored daemon shares nothing with another", function()
    local node = load_text(stateful)
    local a, b = node:spawn "counter", node:spawn "counter"
    a:deliver "x"
    b:deliver "x"
    local image = a:snapshot()
    a:stop()
    a = assert(node:restore(image))
    check.equal(a:deliver("x")[1].data, "2/1")
    check.equal(b:deliver("x")[1].data, "2/2")
end)

check.test("an image goes from a program's own class to a script", function()
    local class = check.class("counter", function(self)
        self.n = (self.n or 0) + 1
        return tostring(self.n)
    end)
    function class:snapshot() return string.pack("<I1", self.n) end
    function class:restore(state) self.n = string.unpack("<I1", state) end
    local home = check.node()
    home:register(class)
    local daemon = home:spawn "counter"
    local first = daemon:deliver("x")[1]
    local image = daemon:snapshot()
    daemon:stop()
    local event = assert(load_text(stateful):restore(image)):deliver("x")[1]
    check.equal(event.data, "2/1")
    check.equal(event.parent, first.hash)
end)

check.test("a snapshot or a restore that fails in a script says why",
    function()
        local node = load_text [[
            local lares = require "lares"
            local Bad = lares.daemon "bad"
            function Bad:process() end
            function Bad:snapshot() return self.argument == "s" and 7 or "" end
            function Bad:restore(state) error "not mine" end
            return Bad
        ]]
        check.contains(check.answers("ESNAPSHOT",
            node:spawn("bad", {argument = "s"}):snapshot()),
            "bad.snapshot returned number")
        local daemon = node:spawn "bad"
        local image = daemon:snapshot()
        daemon:stop()
        check.contains(check.answers("ERESTORE", node:restore(image)),
            "not mine")
    end)

-- Handlers --------------------------------------------------------------------

local healing = [[
local lares = require "lares"
local passes = 0
local Echo = lares.daemon "echo"
function Echo:process(event) return event.data end
return lares.main {
    lares.handler("first", function()
        passes = passes + 1
        return passes
    end),
    Echo,
    lares.handler("second", function()
        passes = passes + 1
        if passes == 2 then error "no more" end
        return {{group = 5, slot = passes}}
    end),
}
]]

check.test("handlers of a script have states of their own", function()
    local node, loaded = load_text(healing)
    check.equal(loaded, true)
    check.equal(#node.recovery, 2)
    check.equal(node:spawn("echo"):deliver("x")[1].data, "x")
    local rows = node.recovery:run()
    check.equal(#rows, 2)
    check.equal(rows[1].slot, 1)
    check.equal(rows[2].slot, 1)
    check.equal(rows[2].group, 5)
    rows = node.recovery:run()
    check.equal(#rows, 1)
    check.equal(rows[1].slot, 2)
    check.equal(#node.recovery, 1)
    local text
    for _, row in ipairs(node.recovery:report()) do
        if row.state == "evicted" and row.name == "second" then
            text = row.text
        end
    end
    check.contains(text, "no more")
end)

check.test("a script may return one handler alone", function()
    local node, loaded = load_text [[
        return require "lares".handler("heal", function() return 3 end)
    ]]
    check.equal(loaded, true)
    check.equal(#node:report "kinds", 0)
    check.equal(node.recovery:run()[1].slot, 3)
end)

check.test("a script that cannot be loaded leaves no handler", function()
    local function refused(text, part)
        local node, loaded, why, code = load_text(text)
        check.contains(check.answers("ESCRIPT", loaded, why, code), part)
        check.equal(#node.recovery, 0)
        check.equal(#node:report "kinds", 0)
    end
    refused([[
        local lares = require "lares"
        local heal = lares.handler("heal", print)
        heal.run = 7
        return {lares.handler("other", print), heal}
    ]], "handler heal: run is number")
    refused([[
        local lares = require "lares"
        local Echo = lares.daemon "echo"
        return {lares.handler("heal", print), Echo}
    ]], "echo.process is nil")
end)

check.test("a handler that is refused takes the others with it", function()
    local node = check.node()
    local path, guard <close> = script [[
        local lares = require "lares"
        local long = ("x"):rep(64)
        return {lares.handler("heal", print), lares.handler(long, print)}
    ]]
    check.contains(check.raises("ENAME", node.load, node, "lua", path),
        "xxx")
    check.equal(#node.recovery, 0)
end)

check.test("a script's handlers go with the node", function()
    local path, guard <close> = script ""
    local node = load_text(([[
        local lares = require "lares"
        local mark = setmetatable({}, {__gc = function()
            local file = io.open(%q, "wb")
            file:write "closed"
            file:close()
        end})
        return lares.handler("heal", function() return mark and 1 end)
    ]]):format(path))
    check.equal(#node.recovery:run(), 1)
    os.remove(path)
    node:close()
    local file <close> = assert(io.open(path, "rb"))
    check.equal(file:read "a", "closed")
end)

return check.run()
