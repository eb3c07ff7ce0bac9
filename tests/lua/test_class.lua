local lares = require "lares"
local check = require "check"

check.test("a class carries kind and options", function()
    local class = lares.daemon("counter", {version = 3})
    check.equal(class.kind, "counter")
    check.equal(class.options.version, 3)
end)

check.test("a class needs a kind", function()
    check.raises("string expected", lares.daemon)
    check.raises("string expected", lares.daemon, 7)
    check.raises("table expected", lares.daemon, "counter", 7)
end)

check.test("register answers the kind", function()
    local node <close> = check.node()
    check.equal(node:register(check.class("echo", print)), "echo")
    check.answers("EEXIST", node:register(check.class("echo", print)))
    check.equal(node:unregister "echo", true)
    check.answers("ENOTFOUND", node:unregister "echo")
    check.equal(node:register(check.class("echo", print)), "echo")
end)

check.test("register refuses what is no class", function()
    local node <close> = check.node()
    check.raises("expected a class of lares.daemon, got table", node.register,
        node, {kind = "echo", process = print})
    check.raises("got nil", node.register, node, nil)
end)

check.test("register refuses a class without process", function()
    local node <close> = check.node()
    check.raises("echo.process is nil, expected a function", node.register,
        node, lares.daemon "echo")
    check.raises("echo.process is string", node.register, node,
        check.class("echo", "text"))
end)

check.test("register hands options on", function()
    local node <close> = check.node()
    local class = lares.daemon("echo", {version = 2, lane = "slow"})
    class.process = print
    node:register(class)
    local row = node:report("kinds")[1]
    check.equal(row.name, "echo")
    check.equal(row.version, 2)
    check.equal(row.lane, "slow")
end)

check.test("a malformed kind, an unknown option raise", function()
    local node <close> = check.node()
    check.raises("ENAME", node.register, node, check.class("No", print))
    local class = lares.daemon("echo", {colour = "red"})
    class.process = print
    local text = check.raises("EOPTION", node.register, node, class)
    check.contains(text, "colour")
end)

check.test("snapshot and restore are both there, or neither", function()
    local node <close> = check.node()
    local function refused(text, members)
        local class = check.class("counter", print)
        for name, member in pairs(members) do class[name] = member end
        check.raises(text, node.register, node, class)
    end
    refused("counter has snapshot and no restore", {snapshot = print})
    refused("counter has restore and no snapshot", {restore = print})
    refused("counter has upgrade and no restore", {upgrade = print})
    refused("counter.snapshot is string, expected a function",
        {snapshot = "text", restore = print})
    refused("counter.restore is number", {snapshot = print, restore = 7})
    refused("counter.upgrade is table",
        {snapshot = print, restore = print, upgrade = {}})
    check.equal(#node:report "kinds", 0)
    node:register(check.counter())
    check.equal(node:report("kinds")[1].stateful, 1)
end)

check.test("a handler carries name and function", function()
    local handler = lares.handler("heal", print)
    check.equal(handler.name, "heal")
    check.equal(handler.run, print)
    check.raises("string expected", lares.handler)
    check.raises("function expected", lares.handler, "heal", 7)
    check.raises("zero byte", lares.handler, "he\0al", print)
end)

check.test("hex is sixteen digits", function()
    check.equal(lares.hex(10), "000000000000000a")
    check.equal(lares.hex(-1), "ffffffffffffffff")
    check.raises("number expected", lares.hex, "text")
end)

return check.run()
