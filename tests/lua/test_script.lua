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
    check.equal(node:spawn("names"):deliver("x")[1].data, "daemon hex main")
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

return check.run()
